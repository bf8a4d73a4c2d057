//! Queries and replies as octets, and a server asked over sockets.

use std::{net::IpAddr, sync::Arc};

use domain::{
    base::{
        Message, MessageBuilder, Name, Rtype,
        iana::{Class, Opcode, Rcode},
    },
    rdata::A,
};
use futures::future::BoxFuture;
use proptest::prelude::*;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::lab::dns::{
    Answer, Data, Kind, Outcome, Query, Record, Reply, Responder, Servers, Transport,
    forward::Upstream,
    message::{Arrival, read_reply},
    server::{read_framed, write_framed},
};

const NAME: &str = "Many.Example.COM";

/// Writes a query, with EDNS when the client says how much it takes.
fn query(name: &str, rtype: Rtype, takes: Option<u16>) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(0x1234);
    builder.header_mut().set_rd(true);
    let mut question = builder.question();
    question.push((Name::vec_from_str(name).unwrap(), rtype)).unwrap();
    let mut additional = question.additional();
    if let Some(size) = takes {
        let size = |opt: &mut domain::base::message_builder::OptBuilder<'_, Vec<u8>>| {
            opt.set_udp_payload_size(size);
            Ok(())
        };
        additional.opt(size).unwrap();
    }
    additional.finish()
}

fn read(octets: &[u8]) -> Query {
    match Query::read(octets) {
        Some(Arrival::Query(query)) => *query,
        other => panic!("{other:?}"),
    }
}

fn refusal(octets: &[u8]) -> Message<Vec<u8>> {
    match Query::read(octets) {
        Some(Arrival::Refusal(octets)) => Message::from_octets(octets).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn many(count: u8) -> Answer {
    let record = |n| Record {
        owner: NAME.to_lowercase(),
        ttl: 5,
        data: Data::address(IpAddr::from([10, 0, 0, n])),
    };
    Answer::found((0..count).map(record).collect())
}

#[test]
fn replies_repeat_id_and_spelling_and_are_cut_to_what_the_client_takes() {
    for (takes, count, fits) in [
        (None, 20, 20),
        (None, 200, 29),
        (Some(512), 200, 29),
        (Some(100), 200, 29),
        (Some(4096), 200, 74),
        (Some(4096), 70, 70),
    ] {
        let query = read(&query(NAME, Rtype::A, takes));
        let octets = query.datagram(&many(count));
        assert!(octets.len() <= 1232, "{takes:?}: {}", octets.len());
        let reply = Message::from_octets(octets).unwrap();
        assert_eq!(reply.header().id(), 0x1234);
        assert!(reply.header().qr() && reply.header().aa() && reply.header().rd());
        assert_eq!(reply.header().tc(), fits < count, "{takes:?} {count}");
        assert_eq!(reply.sole_question().unwrap().qname().to_string(), NAME);
        let records: Vec<_> =
            reply.answer().unwrap().limit_to::<A>().collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), usize::from(fits), "{takes:?} {count}");
        assert!(records.iter().all(|one| one.owner().to_string() == NAME));
        assert_eq!(reply.opt().is_some(), takes.is_some());
        let whole = Message::from_octets(query.stream(&many(count))).unwrap();
        assert_eq!(whole.header_counts().ancount(), u16::from(count));
        assert!(!whole.header().tc());
    }
}

#[test]
fn what_cannot_be_answered_is_refused_in_its_own_way() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = query(NAME, Rtype::A, None);
        change(&mut octets);
        octets
    };
    let update = with(&|octets| octets[2] = Opcode::UPDATE.to_int() << 3);
    assert_eq!(refusal(&update).header().rcode(), Rcode::NOTIMP);
    let two = with(&|octets| octets[5] = 2);
    assert_eq!(refusal(&two).header().rcode(), Rcode::FORMERR);
    let chaos = with(&|octets| *octets.last_mut().unwrap() = Class::CH.to_int() as u8);
    assert_eq!(refusal(&chaos).header().rcode(), Rcode::REFUSED);
    assert_eq!(refusal(&query(NAME, Rtype::ANY, None)).header().rcode(), Rcode::NOTIMP);
    assert_eq!(refusal(&query(NAME, Rtype::AXFR, None)).header().rcode(), Rcode::REFUSED);
    let mut version = query(NAME, Rtype::A, Some(1232));
    let at = version.len() - 5;
    version[at] = 1;
    assert_eq!(refusal(&version).opt_rcode(), domain::base::iana::OptRcode::BADVERS);
    // Answering an answer could go on for ever.
    assert!(Query::read(&with(&|octets| octets[2] |= 0x80)).is_none());
    assert!(Query::read(&[0; 11]).is_none());
}

proptest! {
    #[test]
    fn any_octets_are_read_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Some(Arrival::Query(query)) = Query::read(&octets) {
            query.datagram(&many(3));
        }
        read_reply(&octets);
    }

    #[test]
    fn damaged_queries_are_read_without_panic(at in 0..60_usize, byte in any::<u8>()) {
        let mut octets = query(NAME, Rtype::SRV, Some(1400));
        let at = at % octets.len();
        octets[at] = byte;
        if let Some(Arrival::Query(query)) = Query::read(&octets) {
            prop_assert!(query.datagram(&many(200)).len() <= 1232);
        }
    }
}

/// Knows one name, with many addresses.
struct One;

impl Responder for One {
    fn respond<'a>(&'a self, query: &'a Query, _: Transport) -> BoxFuture<'a, Reply> {
        let answer = if query.name == NAME.to_lowercase() && query.kind == Kind::A {
            many(200)
        } else {
            Answer::empty(Outcome::NoName)
        };
        Box::pin(std::future::ready(answer.into()))
    }
}

/// Passes everything on.
struct Passing(Upstream);

impl Responder for Passing {
    fn respond<'a>(&'a self, query: &'a Query, transport: Transport) -> BoxFuture<'a, Reply> {
        Box::pin(self.0.pass(query, transport))
    }
}

#[tokio::test]
async fn a_server_answers_over_udp_and_tcp_and_passes_on_in_both_families() {
    for ip in ["127.0.0.1", "::1"] {
        let ip: IpAddr = ip.parse().unwrap();
        // A port that is free for TCP is nearly always free for UDP too; one address, two servers.
        let mut servers = Servers::default();
        let free = async || TcpListener::bind((ip, 0)).await.unwrap().local_addr().unwrap();
        let (origin, front) = (free().await, free().await);
        servers.serve(&(Arc::new(One) as Arc<dyn Responder>), origin).await.unwrap();
        let passing = Passing(Upstream::at(vec![origin]));
        servers.serve(&(Arc::new(passing) as Arc<dyn Responder>), front).await.unwrap();
        for server in [origin, front] {
            let socket = UdpSocket::bind((ip, 0)).await.unwrap();
            socket.connect(server).await.unwrap();
            socket.send(&query(NAME, Rtype::A, None)).await.unwrap();
            let mut buffer = [0; 2048];
            let length = socket.recv(&mut buffer).await.unwrap();
            let reply = Message::from_octets(&buffer[..length]).unwrap();
            assert!(reply.header().tc(), "a client without EDNS is told to use TCP");
            assert_eq!(reply.header().id(), 0x1234);
            // Two questions over one connection.
            let mut stream = TcpStream::connect(server).await.unwrap();
            for (name, count, rcode) in
                [(NAME, 200, Rcode::NOERROR), ("absent.example", 0, Rcode::NXDOMAIN)]
            {
                write_framed(&mut stream, &query(name, Rtype::A, None)).await.unwrap();
                let octets = read_framed(&mut stream).await.unwrap().unwrap();
                let reply = Message::from_octets(octets).unwrap();
                assert_eq!(reply.header_counts().ancount(), count, "{name}");
                assert_eq!(reply.header().rcode(), rcode, "{name}");
            }
        }
        let upstream = Upstream::at(vec![origin]);
        let found = upstream.look_up(NAME, Kind::A).await;
        assert_eq!(found.records.len(), 200, "the truncated reply is asked for again by TCP");
        let nobody = Upstream::at(vec![free().await]);
        assert_eq!(nobody.look_up(NAME, Kind::A).await.outcome, Outcome::Failed);
    }
}

#[test]
fn servers_are_read_from_resolv_conf() {
    let text = "# a comment\nnameserver 198.51.100.53\nnameserver  2001:db8:1::53\nsearch x\nnameserver nonsense\n";
    let upstream = Upstream::from_resolv_conf(text);
    let expected = ["198.51.100.53:53", "[2001:db8:1::53]:53"].map(|one| one.parse().unwrap());
    assert_eq!(upstream, Upstream::at(expected.into()));
}
