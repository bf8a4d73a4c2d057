//! connect() to a service and to its backend, in one namespace: all that differs is the translation.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt};

use crate::bench::statistics::percentile_of;

/// Connections of one sample.
const CONNECTIONS: usize = 2000;

/// Starts a server that accepts whatever comes, for as long as the process lives.
///
/// # Errors
/// When the address cannot be had.
pub(super) fn serve(address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("bench-accept".into()).spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
        }
    })?;
    Ok(address)
}

/// Returns the p50 of connect() to an address, in microseconds.
///
/// # Errors
/// When a connection is refused.
pub(super) fn sample(address: SocketAddr) -> io::Result<Vec<f64>> {
    let mut times = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let start = Instant::now();
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        reset_on_close(&stream)?;
    }
    Ok(vec![percentile_of(&times, 0.5)])
}

/// A connection must not end in TIME_WAIT: the ports of the namespace would be used up.
fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    Ok(setsockopt(&stream.as_fd(), sockopt::Linger, &linger)?)
}
