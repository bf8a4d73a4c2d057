//! What a server has to say about a name.

use super::{Data, Kind, Record, record::Start};

/// How a look-up ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The name is there, with or without records of the type asked for.
    #[default]
    Found,
    /// There is no such name.
    NoName,
    /// Whoever would know does not answer.
    Failed,
    /// This server does not do that.
    NotSupported,
    /// This server does not answer that.
    Refused,
    /// The query makes no sense.
    Malformed,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// How the look-up ended.
    pub(crate) outcome: Outcome,
    /// Whether this server is the one who knows.
    pub(crate) authoritative: bool,
    /// What was asked for.
    pub(crate) records: Vec<Record>,
    /// Who says that there is nothing.
    pub(crate) authority: Vec<Record>,
    /// What will be asked next.
    pub(crate) additional: Vec<Record>,
}

impl Answer {
    /// Returns an answer without records.
    pub(crate) fn empty(outcome: Outcome) -> Self {
        Self { outcome, ..Self::default() }
    }

    /// Returns the answer of a zone that knows the name.
    pub(crate) fn found(records: Vec<Record>) -> Self {
        Self { authoritative: true, records, ..Self::default() }
    }
}

/// What records and negative answers of one zone have in common.
#[derive(Clone, Debug)]
pub(crate) struct Apex {
    /// The zone, without a dot at its end; the root is empty.
    pub(crate) zone: String,
    /// How long records may be remembered, in seconds.
    pub(crate) ttl: u32,
    /// Grows with every change.
    pub(crate) serial: u32,
}

impl Apex {
    /// Returns the name of the zone's server.
    pub(crate) fn server(&self) -> String {
        self.below("ns.dns")
    }

    /// Returns a name in the zone.
    pub(crate) fn below(&self, name: &str) -> String {
        if self.zone.is_empty() { name.to_owned() } else { format!("{name}.{}", self.zone) }
    }

    /// Returns a record of the zone.
    pub(crate) fn record(&self, owner: &str, data: Data) -> Record {
        Record { owner: owner.to_owned(), ttl: self.ttl, data }
    }

    /// Returns the zone's SOA record.
    pub(crate) fn start(&self) -> Record {
        let start = Start {
            primary: self.server(),
            mailbox: self.below("hostmaster"),
            serial: self.serial,
            negative: self.ttl,
        };
        self.record(&self.zone, Data::Soa(start))
    }

    /// Says that a name has nothing of the type asked for, or does not exist.
    pub(crate) fn nothing(&self, outcome: Outcome) -> Answer {
        Answer { outcome, authoritative: true, authority: vec![self.start()], ..Answer::default() }
    }

    /// Answers for the zone's own name.
    pub(crate) fn own(&self, kind: Kind) -> Answer {
        match kind {
            Kind::Soa => Answer::found(vec![self.start()]),
            Kind::Ns => Answer::found(vec![self.record(&self.zone, Data::Ns(self.server()))]),
            _ => self.nothing(Outcome::Found),
        }
    }
}
