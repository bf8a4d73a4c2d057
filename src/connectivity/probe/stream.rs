//! TCP and HTTP: a connection that must be made, and bytes that must come back.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{
    message::{Seen, difference, pattern},
    outcome::Outcome,
    spec::{Probe, Protocol, Size},
};

/// Bytes that travel together.
const CHUNK: usize = 16 << 10;
/// Chunks that are under way at most: both ends' buffers hold them, so that neither end waits for the other. On a
/// machine that is busy each turn takes a while, so there is more than one.
const UNDER_WAY: usize = 4;
/// A stream that goes on may take so many times as long as an answer: a busy machine is slow, but not deaf.
const STREAM: u32 = 5;
/// Largest answer of an HTTP server that is read.
const LARGEST_ANSWER: u64 = 1 << 20;

/// Connects and talks.
pub(super) fn try_it(probe: &Probe, address: IpAddr, timeout: Duration) -> Outcome {
    let started = Instant::now();
    let deadline = started + timeout;
    let peer = SocketAddr::new(address, probe.port);
    let talked = connect(peer, deadline).and_then(|stream| match (probe.protocol, probe.size) {
        // Programs compare the peer's name: an address that stands for others must show there.
        _ if stream.peer_addr()? != peer => Ok(Talk::Renamed(stream.peer_addr()?)),
        (Protocol::Http, _) => http(stream, probe, deadline),
        (_, Size::Payload(size)) => echo(stream, size as usize, timeout),
        // A stream has no packets of its own.
        (_, Size::RouteMtu(_)) => echo(stream, CHUNK, timeout),
    });
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match talked {
        Ok(Talk::Fine(seen)) => Outcome::answered(micros, seen),
        Ok(Talk::Corrupt { at }) => Outcome::Corrupt { at },
        Ok(Talk::Status(status)) => Outcome::HttpStatus { status },
        Ok(Talk::Renamed(name)) => {
            Outcome::Failed { reason: format!("the peer's name is {name} once it is connected") }
        }
        Err(error) => Outcome::of(&error, micros / 1000),
    }
}

/// How a conversation went.
enum Talk {
    /// As it should; the server may have told whom it saw.
    Fine(Option<Seen>),
    /// The socket is connected to another address than was asked for, and shows it.
    Renamed(SocketAddr),
    Corrupt {
        at: u64,
    },
    Status(u16),
}

fn connect(peer: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&peer, left(deadline))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Never zero, which would mean for ever.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn limit(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    stream.set_read_timeout(Some(left(deadline)))?;
    stream.set_write_timeout(Some(left(deadline)))
}

/// Each part is an answer, and may take as long as one.
fn echo(mut stream: TcpStream, size: usize, timeout: Duration) -> io::Result<Talk> {
    let end = Instant::now() + timeout.saturating_mul(STREAM);
    let sent = pattern(size, rand::random());
    let mut received = vec![0; CHUNK];
    let mut ahead = sent.chunks(CHUNK);
    let first = ahead.by_ref().take(UNDER_WAY);
    limit(&stream, end.min(Instant::now() + timeout))?;
    for chunk in first {
        stream.write_all(chunk)?;
    }
    let mut before = 0;
    for chunk in sent.chunks(CHUNK) {
        limit(&stream, end.min(Instant::now() + timeout))?;
        let received = &mut received[..chunk.len()];
        stream.read_exact(received)?;
        if let Some(at) = difference(chunk, received) {
            return Ok(Talk::Corrupt { at: before + at });
        }
        before += chunk.len() as u64;
        if end <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.write_all(ahead.next().unwrap_or_default())?;
    }
    Ok(Talk::Fine(None))
}

fn http(mut stream: TcpStream, probe: &Probe, deadline: Instant) -> io::Result<Talk> {
    limit(&stream, deadline)?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: skep-connectivity\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        probe.host, probe.port
    )?;
    let mut answer = Vec::new();
    stream.take(LARGEST_ANSWER).read_to_end(&mut answer)?;
    let status = status(&answer)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))?;
    if status >= 400 {
        return Ok(Talk::Status(status));
    }
    Ok(Talk::Fine(Seen::read(body(&answer).unwrap_or_default())))
}

/// Returns what follows the head of an HTTP answer, once the head is complete.
pub(super) fn body(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
    Some(&answer[end + 4..])
}

/// Reads the status of `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, sync::mpsc, thread};

    use super::*;

    /// Answers so many parts, each after a while, and then no more.
    fn server(parts: usize, after: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let (_never, clock) = mpsc::channel::<()>();
            let mut part = vec![0; CHUNK];
            for _ in 0..parts {
                stream.read_exact(&mut part)?;
                let _ = clock.recv_timeout(after);
                stream.write_all(&part)?;
            }
            // Until the client is gone.
            stream.read_to_end(&mut part)
        });
        address
    }

    #[test]
    fn a_stream_may_take_longer_than_an_answer_as_long_as_it_goes_on() {
        let parts = UNDER_WAY + 2;
        let ask = |server: SocketAddr, timeout| {
            let probe = Probe::new(Protocol::Tcp, server.ip(), server.port());
            let probe = probe.sized(Size::Payload((parts * CHUNK) as u32));
            try_it(&probe, server.ip(), timeout)
        };
        let slow = ask(server(parts, Duration::from_millis(750)), Duration::from_secs(4));
        assert!(matches!(slow, Outcome::Answered { .. }), "{slow:?}");
        let stops = ask(server(parts - 1, Duration::ZERO), Duration::from_millis(50));
        assert!(matches!(stops, Outcome::TimedOut { .. }), "{stops:?}");
    }

    #[test]
    fn the_status_line_is_read_and_nothing_else_passes_for_one() {
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], Some(200)),
            (b"HTTP/1.0 503 Busy\r\n", Some(503)),
            (b"SSH-2.0-OpenSSH\r\n", None),
            (b"HTTP/1.1\r\n", None),
            (b"", None),
        ] {
            assert_eq!(status(answer), expected);
        }
    }
}
