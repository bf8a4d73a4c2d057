//! A request and its response over an open TCP connection.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt::TcpCongestion};

use super::{
    Path, median_micros,
    place::{on_one_processor, placed},
};

/// Bytes each way.
const SIZE: usize = 64;
/// The first exchanges fill caches and open the window.
const WARM_UP: usize = 50;
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the median time of an exchange in microseconds.
pub(super) fn run(path: &Path<'_>, time: Duration) -> io::Result<f64> {
    let listener = placed(path.server, || TcpListener::bind((path.target, 0)))?;
    let address = listener.local_addr()?;
    let client = move || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        prepare(&stream)?;
        let mut times = Vec::with_capacity(100_000);
        let mut message = [0; SIZE];
        let end = Instant::now() + time;
        let mut start = Instant::now();
        while start < end {
            stream.write_all(&message)?;
            stream.read_exact(&mut message)?;
            let now = Instant::now();
            times.push(now - start);
            start = now;
        }
        median_micros(times.get(WARM_UP..).unwrap_or_default())
    };
    let server = move || {
        let mut stream = accept(&listener)?;
        prepare(&stream)?;
        let mut message = [0; SIZE];
        while stream.read_exact(&mut message).is_ok() {
            stream.write_all(&message)?;
        }
        Ok(())
    };
    Ok(on_one_processor((path.client, client), (path.server, server))?.0)
}

/// Waits for a connection, but not for ever when the client failed.
pub(super) fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                std::thread::yield_now();
            }
            Err(error) => return Err(error),
        }
    }
}

/// The same congestion control everywhere: the default may pace, and then its timers are measured.
/// It is set by socket, as namespaces may not choose every algorithm.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, TcpCongestion, &OsString::from("cubic"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}
