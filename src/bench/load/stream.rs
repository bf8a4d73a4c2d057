//! Bulk data over one TCP connection.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use super::{
    Path,
    place::placed,
    request::{accept, prepare},
};
use crate::bench::stats::quantile;

const CHUNK: usize = 128 * 1024;
/// The rate is that of the better windows: in the others somebody else ran.
const WINDOW: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns Gbit/s, as the receiver counts them. One thread writes at one end until nothing fits and
/// reads at the other until nothing is left: the work of the path, without the scheduler's turns.
pub(super) fn run(path: &Path<'_>, time: Duration) -> io::Result<f64> {
    let listener = placed(path.server, || TcpListener::bind((path.target, 0)))?;
    let address = listener.local_addr()?;
    let mut writer = placed(path.client, || TcpStream::connect_timeout(&address, PATIENCE))?;
    let mut reader = accept(&listener)?;
    for stream in [&writer, &reader] {
        prepare(stream)?;
        stream.set_nonblocking(true)?;
    }
    placed(path.client, || {
        let mut chunk = vec![0; CHUNK];
        let mut rates = Vec::new();
        let end = Instant::now() + time;
        let mut start = Instant::now();
        let mut last = start;
        let mut bytes = 0;
        while start < end {
            until_blocked(|| writer.write(&chunk))?;
            let read = until_blocked(|| reader.read(&mut chunk))?;
            bytes += read;
            let now = Instant::now();
            if read > 0 {
                last = now;
            } else if now - last > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if now - start >= WINDOW {
                rates.push(bytes as f64 * 8.0 / (now - start).as_secs_f64() / 1e9);
                (start, bytes) = (now, 0);
            }
        }
        Ok(quantile(&rates, 0.75))
    })
}

/// Repeats a transfer until the socket would block; returns the bytes moved.
fn until_blocked(mut transfer: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    let mut moved = 0;
    loop {
        match transfer() {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => moved += bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(moved),
            Err(error) => return Err(error),
        }
    }
}
