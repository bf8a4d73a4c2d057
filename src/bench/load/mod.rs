//! Traffic to measure. Client and server run on one processor, so that a figure is the work of the
//! path and not the time it takes to wake another processor.

mod connect;
mod place;
mod request;
mod stream;
mod udp;

use std::{io, net::IpAddr, time::Duration};

use crate::kernel::NetNs;

/// Two ends to send between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    pub(super) client: &'a NetNs,
    pub(super) server: &'a NetNs,
    /// The server's address.
    pub(super) target: IpAddr,
}

/// What can be measured on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    Request,
    Connect,
    Stream,
    Udp,
}

impl Load {
    pub(super) const ALL: [Self; 4] = [Self::Request, Self::Connect, Self::Stream, Self::Udp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Request => "rr",
            Self::Connect => "connect",
            Self::Stream => "stream",
            Self::Udp => "udp",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Request | Self::Connect => "us p50",
            Self::Stream => "Gbit/s",
            Self::Udp => "ns/packet",
        }
    }

    /// Runs for about `time` and returns one figure.
    pub(super) fn run(self, path: &Path<'_>, time: Duration) -> io::Result<f64> {
        match self {
            Self::Request => request::run(path, time),
            Self::Connect => connect::run(path, time),
            Self::Stream => stream::run(path, time),
            Self::Udp => udp::run(path, time),
        }
    }
}

/// Returns the median of some times in microseconds.
fn median_micros(times: &[Duration]) -> io::Result<f64> {
    if times.is_empty() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was measured in time"));
    }
    let micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    Ok(super::stats::median(&micros))
}
