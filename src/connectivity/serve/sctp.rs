//! SCTP: associations that are known by their cookies only, so nothing is kept.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use nix::sys::socket::{setsockopt, sockopt};
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};
use tokio::net::UdpSocket;

use super::{
    answer::{Answer, is_question},
    udp::converse,
};
use crate::connectivity::sctp::{Chunk, Opening, Packet};

/// Opens the socket of IPv4.
pub(super) fn open_v4() -> io::Result<UdpSocket> {
    let socket = open(AddressFamily::INET)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    UdpSocket::from_std(socket)
}

/// Opens the socket of IPv6.
pub(super) fn open_v6() -> io::Result<UdpSocket> {
    let socket = open(AddressFamily::INET6)?;
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    UdpSocket::from_std(socket)
}

fn open(family: AddressFamily) -> io::Result<std::net::UdpSocket> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // The library's type does what is needed with any datagram-like socket.
    Ok(socket_with(family, SocketType::RAW, flags, Some(ipproto::SCTP))?.into())
}

/// Answers those who ask at a port, for ever.
pub(super) async fn serve(name: &str, port: u16, socket: UdpSocket) {
    converse(&socket, |received, server, client| {
        let asked = Packet::received(received, client.ip())?;
        let asks = asked.destination == port;
        let ends = (server, client.ip());
        Some(answer(name, ends, &asked).filter(|_| asks)?.bytes())
    })
    .await;
}

/// Returns what a packet is answered with; of other packets than those that open an association and
/// ask in it, nothing.
fn answer(name: &str, (server, client): (IpAddr, IpAddr), asked: &Packet) -> Option<Packet> {
    let reply = |tag, chunks| {
        Some(Packet { source: asked.destination, destination: asked.source, tag, chunks })
    };
    match asked.chunks.first()? {
        Chunk::Init(peer) => {
            let own = Opening { tag: rand::random::<u32>().max(1), first: rand::random() };
            let cookie = [peer.tag, own.tag, own.first].map(u32::to_be_bytes).concat();
            reply(peer.tag, vec![Chunk::InitAck(own, cookie)])
        }
        Chunk::CookieEcho(cookie) => {
            let words: [u8; 12] = cookie.as_slice().try_into().ok()?;
            let word =
                |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| words[4 * at + byte]));
            let (peer, own, number) = (word(0), word(1), word(2));
            let (theirs, message) = asked.message()?;
            if asked.tag != own || !is_question(message) {
                return None;
            }
            let server = SocketAddr::new(server, asked.destination);
            let client = SocketAddr::new(client, asked.source);
            let message = Answer { name, server, client }.json().ok()?.into_bytes();
            let answer = Chunk::Data { number, message };
            reply(peer, vec![Chunk::CookieAck, Chunk::Sack(theirs), answer])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: (IpAddr, IpAddr) = (
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    );

    fn asked(tag: u32, chunks: Vec<Chunk>) -> Packet {
        Packet { source: 50_000, destination: 80, tag, chunks }
    }

    fn question(number: u32) -> Chunk {
        Chunk::Data { number, message: b"GET / HTTP/1.1\r\n\r\n".to_vec() }
    }

    #[test]
    fn who_opens_an_association_and_asks_is_told() {
        let client = Opening { tag: 7, first: 9 };
        let opened = answer("me", ENDS, &asked(0, vec![Chunk::Init(client)])).expect("an answer");
        assert_eq!((opened.source, opened.destination, opened.tag), (80, 50_000, 7));
        let [Chunk::InitAck(server, cookie)] = &opened.chunks[..] else { panic!("{opened:?}") };
        let ask = |tag, cookie: &[u8]| {
            let chunks = vec![Chunk::CookieEcho(cookie.to_vec()), question(client.first)];
            answer("me", ENDS, &asked(tag, chunks))
        };
        let told = ask(server.tag, cookie).expect("an answer");
        assert_eq!((told.tag, &told.chunks[..2]), (7, &[Chunk::CookieAck, Chunk::Sack(9)][..]));
        let (number, message) = told.message().expect("a message");
        assert_eq!(number, server.first);
        let expected = r#"{"name":"me","server":"10.0.0.1:80","client":"[::1]:50000"}"#;
        assert_eq!(str::from_utf8(message), Ok(expected));
        assert_eq!(ask(server.tag ^ 1, cookie), None, "the tag of another association");
        assert_eq!(ask(server.tag, &cookie[1..]), None, "no cookie of ours");
    }

    #[test]
    fn nothing_else_is_answered() {
        for chunks in [vec![], vec![Chunk::Abort], vec![question(1)], vec![Chunk::Other]] {
            assert_eq!(answer("me", ENDS, &asked(1, chunks)), None);
        }
    }
}
