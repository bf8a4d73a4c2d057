//! SCTP: an association that carries the question who is there.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::{
    datagram::{ATTEMPTS, elapsed, explain, is_timeout, prepare},
    message::{Payload, Seen},
    outcome::Outcome,
    spec::Probe,
};
use crate::connectivity::sctp::{Chunk, LARGEST, Opening, Packet};

/// Ports that clients choose from.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// One side of an association, on a raw socket that hears the peer's address only.
struct Client {
    socket: UdpSocket,
    peer: IpAddr,
    own: Opening,
    /// Ours and the peer's.
    ports: (u16, u16),
    /// A peer that has no association says so; a kernel may do so beside a server that answers.
    refused: bool,
}

/// Opens an association, asks, and ends it.
pub(super) fn try_it(probe: &Probe, address: IpAddr, timeout: Duration) -> Outcome {
    let started = Instant::now();
    match Client::new(probe, address) {
        Ok(mut client) => client.run(timeout),
        Err(error) => Outcome::of(&error, elapsed(started)),
    }
}

impl Client {
    fn new(probe: &Probe, address: IpAddr) -> io::Result<Self> {
        let family = match address {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let kind = (SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::SCTP));
        // The standard library's type does what is needed with any datagram-like socket.
        let socket = UdpSocket::from(socket_with(family, kind.0, kind.1, kind.2)?);
        prepare(&socket, probe, address)?;
        // The port of a raw socket's peer is in what it sends.
        socket.connect(SocketAddr::new(address, 0))?;
        let own = Opening { tag: rand::random::<u32>().max(1), first: rand::random() };
        let port = rand::random_range(EPHEMERAL);
        Ok(Self { socket, peer: address, own, ports: (port, probe.port), refused: false })
    }

    fn run(&mut self, timeout: Duration) -> Outcome {
        let started = Instant::now();
        for attempt in 0..ATTEMPTS {
            let sent = Instant::now();
            let until = started + timeout * (attempt + 1) / ATTEMPTS;
            match self.exchange(until) {
                Ok(Some(seen)) => {
                    let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
                    return Outcome::answered(micros, Some(seen)).after(attempt, None);
                }
                Ok(None) => return Outcome::Corrupt { at: 0 },
                Err(error) if is_timeout(&error) => {}
                Err(error) => return explain(&self.socket, self.peer, &error, started),
            }
        }
        if self.refused {
            return Outcome::Refused { by: None };
        }
        Outcome::TimedOut { millis: elapsed(started) }
    }

    /// Asks once; returns nothing when the answer makes no sense.
    fn exchange(&mut self, until: Instant) -> io::Result<Option<Seen>> {
        self.send(0, vec![Chunk::Init(self.own)])?;
        let (peer, cookie) = self.wait(until, |packet| {
            packet.chunks.into_iter().find_map(|chunk| match chunk {
                Chunk::InitAck(peer, cookie) => Some((peer, cookie)),
                _ => None,
            })
        })?;
        let message = Payload::Question.bytes().to_vec();
        let question = Chunk::Data { number: self.own.first, message };
        self.send(peer.tag, vec![Chunk::CookieEcho(cookie), question])?;
        let answer = self.wait(until, |packet| {
            let stands = packet.chunks.contains(&Chunk::CookieAck);
            packet.message().filter(|_| stands).map(|(_, answer)| answer.to_vec())
        })?;
        // Whoever tracks connections sees that this one is over.
        self.send(peer.tag, vec![Chunk::Abort])?;
        Ok(Payload::Question.compare(&answer).ok().flatten())
    }

    fn send(&self, tag: u32, chunks: Vec<Chunk>) -> io::Result<()> {
        let (source, destination) = self.ports;
        let packet = Packet { source, destination, tag, chunks };
        self.socket.send(&packet.bytes()).map(drop)
    }

    /// Waits for a packet of this association that has what is looked for.
    fn wait<T>(
        &mut self,
        until: Instant,
        mut find: impl FnMut(Packet) -> Option<T>,
    ) -> io::Result<T> {
        let mut buffer = [0; LARGEST + 60];
        while until > Instant::now() {
            let left = until.saturating_duration_since(Instant::now());
            self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let length = self.socket.recv(&mut buffer)?;
            let packet = Packet::received(&buffer[..length], self.peer);
            let is_own = |packet: &Packet| (packet.destination, packet.source) == self.ports;
            let Some(packet) = packet.filter(is_own) else { continue };
            self.refused |= packet.chunks.contains(&Chunk::Abort);
            if packet.tag == self.own.tag
                && let Some(found) = find(packet)
            {
                return Ok(found);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}
