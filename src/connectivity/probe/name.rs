//! Names, asked of the system's resolver: what every program in the pod gets.

use std::{
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::outcome::Outcome;
use crate::model::Family;

/// Resolves a name; of one family's addresses only, if one is asked for.
pub(super) fn resolve(name: &str, family: Option<Family>, timeout: Duration) -> Outcome {
    let started = Instant::now();
    let (sender, answer) = mpsc::channel();
    let asked = name.to_owned();
    // The resolver takes no timeout; a thread that is late ends with the process.
    thread::spawn(move || sender.send((asked.as_str(), 0_u16).to_socket_addrs()));
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let Ok(answer) = answer.recv_timeout(timeout) else { return Outcome::TimedOut { millis } };
    match answer {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found
                .map(|address| address.ip())
                .filter(|ip| family.is_none_or(|family| ip.is_ipv4() == (family == Family::V4)))
                .collect();
            addresses.sort_unstable();
            addresses.dedup();
            if addresses.is_empty() {
                return Outcome::NoSuchName;
            }
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            Outcome::Resolved { micros, addresses }
        }
        Err(error) if is_absent(&error) => Outcome::NoSuchName,
        Err(error) => Outcome::Failed { reason: error.to_string() },
    }
}

/// The standard library passes the C library's text on, and nothing else; a resolver that cannot
/// answer is "temporary" to glibc and "try again" to musl.
fn is_absent(error: &io::Error) -> bool {
    let text = error.to_string();
    ["not known", "does not resolve", "No address", "no usable address", "has no address"]
        .iter()
        .any(|part| text.contains(part))
}
