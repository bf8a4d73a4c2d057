//! A conversation that lasts while servers come and go.
//!
//! A client that goes on sending datagrams from one socket must be led to another server when the first
//! one is gone. A connection must stay where it is, while new ones are led to another server.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use super::{
    message::{Payload, Seen},
    outcome::Outcome,
    spec::{Host, Probe, Protocol},
    stream,
};

/// How the line ends that says who answers first.
pub const ANSWERS: &str = "answers";
/// Pause between questions.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a datagram's answer is waited for until the next one is sent.
const ANSWER: Duration = Duration::from_millis(50);
/// So many new connections in a row to one server: one of two that take turns, or are chosen by chance,
/// is not met so often, but with a probability of 2^-24.
const IN_A_ROW: u32 = 24;
/// Largest datagram, or head of an answer, that is read.
const LARGEST: usize = 4096;

/// Talks until `server` has taken over; `began` hears who answers first.
pub(super) fn take(
    probe: &Probe,
    server: &str,
    timeout: Duration,
    began: &dyn Fn(&str),
) -> Outcome {
    let Host::Address(address) = probe.host else {
        return Outcome::Failed { reason: "only addresses are talked with for long".into() };
    };
    let silence = probe.within.map_or(timeout, |millis| Duration::from_millis(millis.into()));
    let peer = SocketAddr::new(address, probe.port);
    let talk = Talk {
        peer,
        server,
        deadline: Instant::now() + timeout,
        silence: silence.min(timeout),
        began,
    };
    let ended = match probe.protocol {
        Protocol::Udp => talk.datagrams(),
        _ => talk.connection(&Probe { until: None, ..probe.clone() }),
    };
    ended.unwrap_or_else(|error| Outcome::of(&error, millis(talk.silence)))
}

struct Talk<'a> {
    peer: SocketAddr,
    /// Who takes over.
    server: &'a str,
    deadline: Instant,
    /// How long an answer may take.
    silence: Duration,
    began: &'a dyn Fn(&str),
}

/// Who has answered, and how late at most.
#[derive(Default)]
struct Heard {
    servers: BTreeSet<String>,
    longest: Duration,
    lost: u32,
}

impl Heard {
    fn outcome(self) -> Outcome {
        Outcome::Answered {
            micros: u64::try_from(self.longest.as_micros()).unwrap_or(u64::MAX),
            lost: self.lost,
            seen_as: None,
            mtu: None,
            servers: self.servers.into_iter().collect(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Talk<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Notes an answer; the first one is told.
    fn note(&self, heard: &mut Heard, name: &str) {
        if heard.servers.is_empty() {
            (self.began)(name);
        }
        heard.servers.insert(name.to_owned());
    }

    /// The socket is not connected: where sockets are led to a server when they are, they stay with it.
    fn datagrams(&self) -> io::Result<Outcome> {
        let any = match self.peer.ip() {
            IpAddr::V4(_) => "0.0.0.0:0",
            IpAddr::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(any)?;
        let mut heard = Heard::default();
        let mut last = Instant::now();
        while !self.is_over() {
            let Some(seen) = self.exchange(&socket) else {
                heard.lost += 1;
                if !heard.servers.is_empty() && last.elapsed() > self.silence {
                    return Ok(Outcome::TimedOut { millis: millis(last.elapsed()) });
                }
                continue;
            };
            let name = seen.name.unwrap_or_default();
            if heard.servers.is_empty() {
                // Nobody was there yet.
                heard.lost = 0;
            } else {
                heard.longest = heard.longest.max(last.elapsed());
            }
            self.note(&mut heard, &name);
            last = Instant::now();
            if name == self.server {
                return Ok(heard.outcome());
            }
            thread::sleep(PAUSE);
        }
        Ok(self.end(heard))
    }

    /// Sends a question; an answer of anybody but the peer is none. That one cannot be sent may change.
    fn exchange(&self, socket: &UdpSocket) -> Option<Seen> {
        let end = Instant::now() + ANSWER;
        let mut buffer = [0; LARGEST];
        let sent = socket.send_to(Payload::Question.bytes(), self.peer);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if sent.is_err() {
                thread::sleep(left);
                return None;
            }
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).ok()?;
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) if same(from, self.peer) => {
                    return Seen::read(&buffer[..length]);
                }
                _ if Instant::now() >= end => return None,
                _ => {}
            }
        }
    }

    /// New connections must not fail, either.
    fn connection(&self, probe: &Probe) -> io::Result<Outcome> {
        let mut held = self.connect()?;
        let mut heard = Heard::default();
        let mut row = 0;
        while !self.is_over() {
            let asked = Instant::now();
            let name = held.ask(self.silence)?;
            heard.longest = heard.longest.max(asked.elapsed());
            self.note(&mut heard, &name);
            if row >= IN_A_ROW {
                heard.servers.insert(self.server.to_owned());
                return Ok(heard.outcome());
            }
            let outcome = stream::try_it(probe, self.peer.ip(), self.silence);
            let Outcome::Answered { ref servers, .. } = outcome else { return Ok(outcome) };
            row = if servers == &[self.server] { row + 1 } else { 0 };
            thread::sleep(PAUSE);
        }
        Ok(self.end(heard))
    }

    /// Connects as soon as somebody serves.
    fn connect(&self) -> io::Result<Held> {
        loop {
            match TcpStream::connect_timeout(&self.peer, self.silence) {
                Ok(stream) => return Ok(Held { stream, peer: self.peer }),
                Err(error) if self.is_over() => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// Nobody has taken over in time.
    fn end(&self, heard: Heard) -> Outcome {
        if heard.servers.is_empty() {
            return Outcome::TimedOut { millis: millis(self.silence) };
        }
        heard.outcome()
    }
}

/// Scopes and flow labels may differ.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    (one.ip(), one.port()) == (other.ip(), other.port())
}

/// A connection that is asked again and again.
struct Held {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Held {
    /// Asks who is there.
    fn ask(&mut self, silence: Duration) -> io::Result<String> {
        self.stream.set_read_timeout(Some(silence))?;
        write!(self.stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", self.peer)?;
        let mut answer = Vec::new();
        let mut buffer = [0; LARGEST];
        while answer.len() < LARGEST {
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend(&buffer[..length]);
            if let Some(body) = stream::body(&answer)
                && let Some(seen) = Seen::read(body)
            {
                return Ok(seen.name.unwrap_or_default());
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not tell who it is"))
    }
}
