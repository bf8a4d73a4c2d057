//! Echo requests, and the bytes that probes send.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

/// A datagram that the test's servers do not give back, but answer by telling who they are.
const QUESTION: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// What skep's own servers, in pods and in the lab's world, tell.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    /// Who answers; those of the world have no name.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Whom they see.
    pub(super) client: SocketAddr,
}

impl Seen {
    /// Reads what a server tells; nothing of other servers' answers.
    pub(super) fn read(answer: &[u8]) -> Option<Self> {
        serde_json::from_slice(answer).ok()
    }
}

/// What a datagram carries.
pub(super) enum Payload {
    /// Bytes that must come back.
    Echo(Vec<u8>),
    /// The question who is there.
    Question,
}

impl Payload {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Echo(bytes) => bytes,
            Self::Question => QUESTION,
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// With the place where it differs from what it should be.
    pub(super) fn compare(&self, received: &[u8]) -> Result<Option<Seen>, u64> {
        match self {
            Self::Echo(sent) => difference(sent, received).map_or(Ok(None), Err),
            Self::Question => Seen::read(received).map(Some).ok_or(0),
        }
    }
}

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
    /// Bytes that are not ASCII.
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut state = (u64::from(tag) << 1 | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(length + size_of::<u64>());
    // Word by word: a large stream is made while others wait for a processor.
    while bytes.len() < length {
        // xorshift64: never zero, long period.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&(state | HIGH).to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Returns the first place where two byte strings differ.
pub(super) fn difference(sent: &[u8], received: &[u8]) -> Option<u64> {
    // Most are equal, and the library compares faster.
    if sent == received {
        return None;
    }
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
    fn a_question_is_answered_with_a_name_and_nothing_else() {
        let answer = br#"{"name":"me","server":"10.0.0.1:7","client":"[fd00::1]:9"}"#;
        let seen = Payload::Question.compare(answer).unwrap().unwrap();
        assert_eq!((seen.name.as_deref(), seen.client.port()), (Some("me"), 9));
        assert_eq!(Payload::Question.compare(QUESTION), Err(0), "given back as it came");
        assert_eq!(Payload::Echo(b"abc".to_vec()).compare(b"abd"), Err(2));
        assert_eq!(Seen::read(br#"{"client":"10.0.0.1:7"}"#).and_then(|seen| seen.name), None);
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
