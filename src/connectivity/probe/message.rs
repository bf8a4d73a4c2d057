//! Echo requests, and the bytes that probes send.

use std::net::IpAddr;

/// Bytes of an ICMP echo header.
pub(super) const HEADER: usize = 8;

/// How packets of an echo socket look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// IPv4; the kernel keeps the identifier and the checksum.
    V4Datagram,
    /// IPv4 with everything, the IP header in front of what is received.
    V4Raw,
    /// IPv6; the kernel keeps the checksum, and of a datagram socket the identifier.
    V6,
}

impl Echo {
    /// Writes an echo request.
    pub(super) fn request(self, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let kind = if self == Self::V6 { 128 } else { 8 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(id.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend(payload);
        if self == Self::V4Raw {
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        packet
    }

    /// Returns the payload of the reply to a request with this identifier (of any, where the kernel
    /// chose it) and sequence number; `None` for any other packet.
    pub(super) fn reply(self, packet: &[u8], id: Option<u16>, sequence: u16) -> Option<&[u8]> {
        let packet = match self {
            Self::V4Raw => packet.get(usize::from(packet.first()? & 0x0f) * 4..)?,
            _ => packet,
        };
        let (header, payload) = packet.split_at_checked(HEADER)?;
        let kind = if self == Self::V6 { 129 } else { 0 };
        let same = header[0] == kind
            && id.is_none_or(|id| header[4..6] == id.to_be_bytes())
            && header[6..8] == sequence.to_be_bytes();
        same.then_some(payload)
    }
}

/// The checksum of RFC 1071, in host order.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Returns bytes that differ from place to place and from probe to probe, so that mixed-up
/// fragments show.
pub(super) fn pattern(length: usize, tag: u32) -> Vec<u8> {
    let mut state = tag | 1;
    let next = || {
        // xorshift32: never zero, long period.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8 | 0x80
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Returns the first place where two byte strings differ.
pub(super) fn difference(sent: &[u8], received: &[u8]) -> Option<u64> {
    let common = sent.iter().zip(received).take_while(|(left, right)| left == right).count();
    (common < sent.len() || common < received.len()).then_some(common as u64)
}

/// Returns the bytes in front of the payload of a packet.
pub(super) const fn overhead(address: IpAddr) -> u32 {
    let header = match address {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    };
    // UDP's header is as long as that of an echo request.
    header + HEADER as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_from_other_packets() {
        let request = Echo::V4Raw.request(7, 3, b"abc");
        assert_eq!(checksum(&request), 0, "the checksum of a whole packet is zero");
        let mut reply = [&[0x45][..], &[0; 19], &request].concat();
        assert_eq!(Echo::V4Raw.reply(&reply, Some(7), 3), None, "a request is no reply");
        reply[20] = 0;
        assert_eq!(Echo::V4Raw.reply(&reply, Some(7), 3), Some(&b"abc"[..]));
        assert_eq!(Echo::V4Raw.reply(&reply, Some(8), 3), None, "of another probe");
        assert_eq!(Echo::V4Raw.reply(&reply, Some(7), 4), None, "of an earlier attempt");
        assert_eq!(Echo::V4Raw.reply(&reply[..24], Some(7), 3), None, "cut off");
        let mut reply = Echo::V6.request(7, 3, b"");
        reply[0] = 129;
        assert_eq!(Echo::V6.reply(&reply, None, 3), Some(&b""[..]));
        assert_eq!(Echo::V4Datagram.reply(&[], None, 3), None);
    }

    #[test]
    fn patterns_differ_and_look_like_no_request() {
        let (one, two) = (pattern(64, 1), pattern(64, 2));
        assert_ne!(one, two);
        assert!(one.iter().all(|byte| !byte.is_ascii()), "never HTTP");
        assert_eq!(difference(&one, &one), None);
        assert_eq!(difference(&one, &one[..9]), Some(9));
        assert_eq!(difference(b"abc", b"abd"), Some(2));
    }
}
