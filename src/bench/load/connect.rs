//! Opening TCP connections.

use std::{
    io,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use nix::sys::socket::{Backlog, listen, setsockopt, sockopt::Linger};

use super::{Path, median_micros, place::placed};

/// A sample ends after so many connections: every one leaves a tracked flow behind.
const MOST: usize = 4000;
/// So many wait in the listener's queue before they are accepted. Nobody waits in accept() while
/// connections are made: whether the scheduler runs it at once or later would decide the figure.
const BATCH: usize = 64;
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the median time of connect() in microseconds.
pub(super) fn run(path: &Path<'_>, time: Duration) -> io::Result<f64> {
    let listener = placed(path.server, || TcpListener::bind((path.target, 0)))?;
    listen(&listener, Backlog::new(2 * BATCH as i32)?)?;
    let address = listener.local_addr()?;
    placed(path.client, || {
        let mut times = Vec::with_capacity(MOST);
        let mut open = Vec::with_capacity(BATCH);
        let end = Instant::now() + time;
        while Instant::now() < end && times.len() < MOST {
            for _ in 0..BATCH {
                let start = Instant::now();
                let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
                times.push(start.elapsed());
                reset_on_close(&stream)?;
                open.push(stream);
            }
            for stream in open.drain(..) {
                drop(listener.accept()?);
                drop(stream);
            }
        }
        median_micros(&times)
    })
}

/// Leaves no socket in TIME_WAIT, so that ports do not run out.
fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    Ok(setsockopt(stream, Linger, &linger)?)
}
