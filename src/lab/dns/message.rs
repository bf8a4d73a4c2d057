//! Queries read from, and replies written to, the wire.

use domain::{
    base::{
        Message, MessageBuilder, Rtype, StaticCompressor, ToName,
        iana::{Class, Opcode, OptRcode, Rcode},
        message_builder::PushError,
    },
    rdata::AllRecordData,
};

use super::{
    answer::{Answer, Outcome},
    record::{Data, Kind, Record, WireName, text_of, wire_name},
};

/// Largest datagram sent, whatever the client can take: larger ones are fragmented somewhere
/// (the figure of DNS Flag Day 2020).
const LARGEST_DATAGRAM: usize = 1232;
/// Largest datagram for clients without EDNS (RFC 1035 4.2.1).
const PLAIN_DATAGRAM: usize = 512;
/// Octets of an OPT record without options.
const OPT: usize = 11;

/// A query for one name.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    message: Message<Vec<u8>>,
    wire_name: WireName,
    /// The name, in lower case and without a dot at its end.
    pub(crate) name: String,
    /// What is asked for.
    pub(crate) kind: Kind,
}

/// What arrived, if it deserves a reply.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A query to answer.
    Query(Box<Query>),
    /// Something to refuse at once; the reply.
    Refusal(Vec<u8>),
}

impl Query {
    /// Reads what arrived; none when no reply must be sent.
    pub(super) fn read(octets: &[u8]) -> Option<Arrival> {
        // Shorter than a header, or an answer: replying could go on for ever.
        let message =
            Message::from_octets(octets.to_vec()).ok().filter(|one| !one.header().qr())?;
        let refuse = |outcome| Some(Arrival::Refusal(refusal(&message, outcome)));
        if message.header().opcode() != Opcode::QUERY {
            return refuse(Outcome::NotSupported);
        }
        let Ok(question) = message.sole_question() else { return refuse(Outcome::Malformed) };
        if message.opt().is_some_and(|opt| opt.version() != 0) {
            return Some(Arrival::Refusal(bad_version(&message)));
        }
        match (question.qclass(), question.qtype()) {
            (Class::IN, Rtype::ANY) => return refuse(Outcome::NotSupported),
            (Class::IN, Rtype::AXFR | Rtype::IXFR) => return refuse(Outcome::Refused),
            (Class::IN, _) => {}
            _ => return refuse(Outcome::Refused),
        }
        let (wire_name, kind) = (question.qname().to_vec(), question.qtype().into());
        let name = text_of(&wire_name);
        Some(Arrival::Query(Box::new(Self { name, kind, wire_name, message })))
    }

    /// Returns the query as it came.
    pub(crate) fn octets(&self) -> &[u8] {
        self.message.as_slice()
    }

    /// Returns the reply, cut short to what a datagram may hold.
    pub(super) fn datagram(&self, answer: &Answer) -> Vec<u8> {
        let accepted =
            self.message.opt().map_or(PLAIN_DATAGRAM, |opt| opt.udp_payload_size().into());
        self.write(answer, accepted.clamp(PLAIN_DATAGRAM, LARGEST_DATAGRAM))
    }

    /// Returns the whole reply, for TCP.
    pub(super) fn stream(&self, answer: &Answer) -> Vec<u8> {
        self.write(answer, usize::from(u16::MAX))
    }

    fn write(&self, answer: &Answer, limit: usize) -> Vec<u8> {
        self.compose(answer, limit).unwrap_or_else(|_| refusal(&self.message, Outcome::Failed))
    }

    fn compose(&self, answer: &Answer, limit: usize) -> Result<Vec<u8>, WriteError> {
        let opt = self.message.opt();
        let mut builder =
            MessageBuilder::from_target(StaticCompressor::new(Vec::with_capacity(512)))
                .expect("memory has no limit");
        builder.set_push_limit(limit - opt.as_ref().map_or(0, |_| OPT));
        let header = builder.header_mut();
        header.set_aa(answer.authoritative);
        header.set_ra(true);
        let mut answers = builder.start_answer(&self.message, rcode(answer.outcome))?;
        let mut complete = true;
        for record in &answer.records {
            complete = complete && push(answers.push(self.wire(record)?))?;
        }
        if !complete {
            answers.header_mut().set_tc(true);
        }
        let mut authority = answers.authority();
        for record in answer.authority.iter().filter(|_| complete) {
            push(authority.push(self.wire(record)?))?;
        }
        let mut additional = authority.additional();
        // Only a convenience: what does not fit is left out.
        for record in answer.additional.iter().filter(|_| complete) {
            push(additional.push(self.wire(record)?))?;
        }
        additional.clear_push_limit();
        if let Some(opt) = opt {
            push(additional.opt(|own| {
                own.set_udp_payload_size(LARGEST_DATAGRAM as u16);
                own.set_dnssec_ok(opt.dnssec_ok());
                Ok(())
            }))?;
        }
        Ok(additional.finish().into_target())
    }

    /// The question's own spelling is kept: resolvers may have hidden random bits in it.
    fn wire(
        &self,
        record: &Record,
    ) -> Result<(WireName, u32, super::record::WireData), WriteError> {
        let owner = if record.owner == self.name {
            self.wire_name.clone()
        } else {
            wire_name(&record.owner).map_err(|_| WriteError)?
        };
        Ok((owner, record.ttl, record.data.to_wire().map_err(|_| WriteError)?))
    }
}

/// A name that is none, or a question that does not fit its own answer.
#[derive(Debug)]
struct WriteError;

impl From<PushError> for WriteError {
    fn from(_: PushError) -> Self {
        Self
    }
}

/// Tells whether a record found room.
fn push(pushed: Result<(), PushError>) -> Result<bool, WriteError> {
    Ok(pushed.is_ok())
}

fn rcode(outcome: Outcome) -> Rcode {
    match outcome {
        Outcome::Found => Rcode::NOERROR,
        Outcome::NoName => Rcode::NXDOMAIN,
        Outcome::Failed => Rcode::SERVFAIL,
        Outcome::NotSupported => Rcode::NOTIMP,
        Outcome::Refused => Rcode::REFUSED,
        Outcome::Malformed => Rcode::FORMERR,
    }
}

fn refusal(query: &Message<Vec<u8>>, outcome: Outcome) -> Vec<u8> {
    let builder = MessageBuilder::new_vec();
    let mut answers = builder.start_error(query, rcode(outcome));
    answers.header_mut().set_ra(true);
    answers.finish()
}

fn bad_version(query: &Message<Vec<u8>>) -> Vec<u8> {
    let mut additional = MessageBuilder::new_vec().start_error(query, Rcode::NOERROR).additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(LARGEST_DATAGRAM as u16);
            opt.set_rcode(OptRcode::BADVERS);
            Ok(())
        })
        .expect("memory has no limit");
    additional.finish()
}

/// Makes a query of this server's own.
pub(super) fn ask(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let rtype = match kind {
        Kind::Aaaa => Rtype::AAAA,
        Kind::A => Rtype::A,
        _ => return None,
    };
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut question = builder.question();
    question.push((wire_name(name).ok()?, rtype)).ok()?;
    let mut additional = question.additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(LARGEST_DATAGRAM as u16);
            Ok(())
        })
        .ok()?;
    Some(additional.finish())
}

/// Tells whether octets are the reply to a query: id and question are the same.
pub(super) fn is_reply(octets: &[u8], query: &[u8]) -> bool {
    let (Ok(reply), Ok(query)) = (Message::from_octets(octets), Message::from_octets(query)) else {
        return false;
    };
    reply.is_answer(&query)
}

/// Reads a reply: its outcome and records.
pub(super) fn read_reply(octets: &[u8]) -> Option<Answer> {
    let message = Message::from_octets(octets).ok()?;
    let outcome = match message.header().rcode() {
        Rcode::NOERROR => Outcome::Found,
        Rcode::NXDOMAIN => Outcome::NoName,
        _ => Outcome::Failed,
    };
    let mut records = Vec::new();
    for record in message.answer().ok()?.limit_to::<AllRecordData<_, _>>() {
        let record = record.ok()?;
        if let Some(data) = Data::from_wire(record.data()) {
            let (owner, ttl) = (text_of(record.owner()), record.ttl().as_secs());
            records.push(Record { owner, ttl, data });
        }
    }
    Some(Answer { outcome, records, ..Answer::default() })
}

/// Tells whether a reply was cut short.
pub(super) fn is_truncated(octets: &[u8]) -> bool {
    Message::from_octets(octets).is_ok_and(|message| message.header().tc())
}
