//! The side that sends and measures.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::sys::{
    socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, connect as connect_socket, setsockopt,
        socket, sockopt,
    },
    time::TimeVal,
};

use super::protocol::{CONGESTION, DATAGRAM_PORT, ECHO_PORT, Load, SINK_PORT, Task};
use crate::bench::statistics::percentile;

/// No answer for this long means that packets are lost for good.
const STUCK: TimeVal = TimeVal::new(3, 0);
/// A connection must not end in TIME_WAIT: the ports of a namespace would be used up in a second.
const RESET_ON_CLOSE: libc::linger = libc::linger { l_onoff: 1, l_linger: 0 };
/// Bytes of a stream that are timed at once: many turns of client and server on their one core.
const STREAM_SLICE: usize = 16 << 20;
const STREAM_WRITE: usize = 128 << 10;
/// Datagrams that are timed at once; few enough that most runs are not interrupted.
const DATAGRAM_SLICE: usize = 64;
/// How much of a sample is spent before anything counts.
const WARM_UP: f64 = 0.1;

/// Takes one sample.
///
/// # Errors
/// When the server does not answer.
pub(super) fn sample(task: &Task) -> io::Result<Vec<f64>> {
    let at = |port| SocketAddr::new(task.server, port);
    let clock = Window::open(Duration::from_millis(task.millis));
    match task.load {
        Load::Request => requests(at(ECHO_PORT), clock),
        Load::Churn => churn(at(ECHO_PORT), clock),
        Load::Stream => stream(at(SINK_PORT), clock),
        Load::Datagram => datagrams(at(DATAGRAM_PORT), clock),
    }
}

/// The time of a sample: first some that does not count, then the rest.
#[derive(Clone, Copy)]
struct Window {
    counts_from: Instant,
    end: Instant,
}

impl Window {
    fn open(length: Duration) -> Self {
        let now = Instant::now();
        Self { counts_from: now + length.mul_f64(WARM_UP), end: now + length }
    }
}

fn requests(server: SocketAddr, clock: Window) -> io::Result<Vec<f64>> {
    let mut stream = connect(server)?;
    let mut byte = [1];
    let mut nanos = Vec::with_capacity(1 << 17);
    let mut before = Instant::now();
    while before < clock.end {
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        let after = Instant::now();
        if before >= clock.counts_from {
            nanos.push(elapsed(before, after));
        }
        before = after;
    }
    Ok(vec![median_micros(&mut nanos)?, tail_micros(&mut nanos)?])
}

fn churn(server: SocketAddr, clock: Window) -> io::Result<Vec<f64>> {
    let mut byte = [1];
    let mut connects = Vec::with_capacity(1 << 15);
    let mut rounds = Vec::with_capacity(1 << 15);
    let mut before = Instant::now();
    while before < clock.end {
        let socket = prepared(server)?;
        // The settings above are the bench's, not a pod's.
        before = Instant::now();
        let mut stream = connected(socket, server)?;
        let established = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        drop(stream);
        let after = Instant::now();
        if before >= clock.counts_from {
            connects.push(elapsed(before, established));
            rounds.push(elapsed(before, after));
        }
        before = after;
    }
    Ok(vec![median_micros(&mut connects)?, median_micros(&mut rounds)?])
}

fn stream(server: SocketAddr, clock: Window) -> io::Result<Vec<f64>> {
    let mut stream = connect(server)?;
    let bytes = vec![0; STREAM_WRITE];
    let mut nanos = Vec::new();
    let mut before = Instant::now();
    while before < clock.end {
        for _ in 0..STREAM_SLICE / STREAM_WRITE {
            stream.write_all(&bytes)?;
        }
        let after = Instant::now();
        if before >= clock.counts_from {
            nanos.push(elapsed(before, after));
        }
        before = after;
    }
    let slice = percentile(&mut nanos, 0.5).ok_or_else(nothing_measured)?;
    Ok(vec![STREAM_SLICE as f64 * 8.0 / slice as f64])
}

fn datagrams(server: SocketAddr, clock: Window) -> io::Result<Vec<f64>> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    let bytes = [0; 64];
    let mut nanos = Vec::with_capacity(1 << 13);
    let mut before = Instant::now();
    while before < clock.end {
        for _ in 0..DATAGRAM_SLICE {
            socket.send(&bytes)?;
        }
        let after = Instant::now();
        if before >= clock.counts_from {
            nanos.push(elapsed(before, after));
        }
        before = after;
    }
    let slice = percentile(&mut nanos, 0.5).ok_or_else(nothing_measured)?;
    Ok(vec![slice as f64 / DATAGRAM_SLICE as f64])
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    connected(prepared(server)?, server)
}

/// Makes a socket with the settings that all topologies share. A namespace may not choose every
/// congestion control by itself, and the default of some distributions paces, which would measure
/// timers.
fn prepared(server: SocketAddr) -> io::Result<OwnedFd> {
    let family = if server.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::TcpCongestion, &OsString::from(CONGESTION))?;
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    setsockopt(&socket, sockopt::Linger, &RESET_ON_CLOSE)?;
    // The send timeout bounds connect() too.
    setsockopt(&socket, sockopt::SendTimeout, &STUCK)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &STUCK)?;
    Ok(socket)
}

fn connected(socket: OwnedFd, server: SocketAddr) -> io::Result<TcpStream> {
    connect_socket(socket.as_raw_fd(), &SockaddrStorage::from(server))?;
    Ok(socket.into())
}

fn elapsed(before: Instant, after: Instant) -> u64 {
    u64::try_from((after - before).as_nanos()).unwrap_or(u64::MAX)
}

fn median_micros(nanos: &mut [u64]) -> io::Result<f64> {
    micros(nanos, 0.5)
}

fn tail_micros(nanos: &mut [u64]) -> io::Result<f64> {
    micros(nanos, 0.99)
}

fn micros(nanos: &mut [u64], part: f64) -> io::Result<f64> {
    percentile(nanos, part).map(|nanos| nanos as f64 / 1000.0).ok_or_else(nothing_measured)
}

fn nothing_measured() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "not one operation ended in time")
}
