//! Small datagrams as fast as they go.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    time::{Duration, Instant},
};

use super::{Path, place::placed};
use crate::bench::stats::median;

const SIZE: usize = 64;
/// The clock is read once per burst; the median burst is one in which nobody else ran.
const BURST: u32 = 32;

/// Returns nanoseconds per packet at the sender. On one processor that is the work of the whole
/// path up to the receiver's socket; nobody reads there, so the cost of a reader is left out.
pub(super) fn run(path: &Path<'_>, time: Duration) -> io::Result<f64> {
    let sink = placed(path.server, || UdpSocket::bind((path.target, 0)))?;
    let target = sink.local_addr()?;
    let any = match path.target {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    placed(path.client, || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(target)?;
        let packet = [0; SIZE];
        let mut bursts = Vec::new();
        let end = Instant::now() + time;
        let mut start = Instant::now();
        while start < end {
            for _ in 0..BURST {
                socket.send(&packet)?;
            }
            let now = Instant::now();
            bursts.push((now - start).as_nanos() as f64 / f64::from(BURST));
            start = now;
        }
        sink.set_read_timeout(Some(Duration::from_millis(100)))?;
        sink.recv(&mut [0; SIZE])?;
        Ok(median(&bursts))
    })
}
