//! The socket's error queue: which ICMP error came, and from whom.

use std::{
    io::IoSliceMut,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    os::fd::AsRawFd,
};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use super::outcome::Outcome;

/// `SO_EE_ORIGIN_LOCAL`: the sender's own kernel.
const LOCAL: u8 = 1;
/// `SO_EE_ORIGIN_ICMP`.
const ICMP: u8 = 2;
/// `SO_EE_ORIGIN_ICMP6`.
const ICMP6: u8 = 3;

/// What the kernel keeps about one error.
#[derive(Clone, Copy, Debug)]
struct Entry {
    origin: u8,
    kind: u8,
    code: u8,
    /// The MTU of "too big".
    info: u32,
    by: Option<IpAddr>,
}

/// Takes the newest error off the queue.
pub(super) fn take(socket: &UdpSocket) -> Option<Outcome> {
    let mut last = None;
    while let Some(entry) = next(socket) {
        last = entry.outcome().or(last);
    }
    last
}

fn next(socket: &UdpSocket) -> Option<Entry> {
    let mut packet = [0; 256];
    let mut iov = [IoSliceMut::new(&mut packet)];
    let mut space = nix::cmsg_space!([u8; 128]);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut iov, Some(&mut space), flags).ok()?;
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, by) => {
            let by = by.map(|by| IpAddr::V4(Ipv4Addr::from(u32::from_be(by.sin_addr.s_addr))));
            Some(Entry::new(&error, by))
        }
        ControlMessageOwned::Ipv6RecvErr(error, by) => {
            let by = by.map(|by| IpAddr::V6(Ipv6Addr::from(by.sin6_addr.s6_addr)));
            Some(Entry::new(&error, by))
        }
        _ => None,
    })
}

impl Entry {
    fn new(error: &libc::sock_extended_err, by: Option<IpAddr>) -> Self {
        // An absent offender is written as the unspecified address.
        let by = by.filter(|by| !by.is_unspecified());
        Self {
            origin: error.ee_origin,
            kind: error.ee_type,
            code: error.ee_code,
            info: error.ee_info,
            by,
        }
    }

    fn outcome(self) -> Option<Outcome> {
        let by = self.by;
        let unreachable =
            |reason: &str| Some(Outcome::Unreachable { reason: reason.to_owned(), by });
        match (self.origin, self.kind, self.code) {
            (LOCAL, ..) if self.info > 0 => Some(Outcome::TooBig { mtu: self.info, by: None }),
            (ICMP, 3, 3) | (ICMP6, 1, 4) => Some(Outcome::Refused { by }),
            (ICMP, 3, 4) | (ICMP6, 2, _) => Some(Outcome::TooBig { mtu: self.info, by }),
            (ICMP, 11, _) | (ICMP6, 3, _) => Some(Outcome::Expired { by }),
            (ICMP, 3, 9 | 10 | 13) | (ICMP6, 1, 1) => unreachable("administratively prohibited"),
            (ICMP, 3, 0) | (ICMP6, 1, 0) => unreachable("network unreachable"),
            (ICMP, 3, 1) | (ICMP6, 1, 3) => unreachable("host unreachable"),
            (ICMP, 3, code) | (ICMP6, 1, code) => {
                unreachable(&format!("destination unreachable, code {code}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_meaning_in_both_families() {
        let by: Option<IpAddr> = Some("10.0.0.1".parse().unwrap());
        let entry = |origin, kind, code, info| Entry { origin, kind, code, info, by };
        for (four, six, outcome) in [
            (entry(ICMP, 3, 3, 0), entry(ICMP6, 1, 4, 0), Outcome::Refused { by }),
            (entry(ICMP, 3, 4, 1450), entry(ICMP6, 2, 0, 1450), Outcome::TooBig { mtu: 1450, by }),
            (entry(ICMP, 11, 0, 0), entry(ICMP6, 3, 0, 0), Outcome::Expired { by }),
            (
                entry(ICMP, 3, 13, 0),
                entry(ICMP6, 1, 1, 0),
                Outcome::Unreachable { reason: "administratively prohibited".into(), by },
            ),
            (
                entry(LOCAL, 0, 0, 1450),
                entry(LOCAL, 0, 0, 1450),
                Outcome::TooBig { mtu: 1450, by: None },
            ),
        ] {
            assert_eq!(four.outcome(), Some(outcome.clone()));
            assert_eq!(six.outcome(), Some(outcome));
        }
    }
}
