//! SCTP packets, as far as an association needs them that carries one question and its answer
//! (RFC 9260). Both sides speak by raw sockets: many kernels come without SCTP.

use std::net::IpAddr;

use crc::{CRC_32_ISCSI, Crc};

/// Largest packet that either side sends, in bytes; it fits into every path.
pub(super) const LARGEST: usize = 1200;

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// Bytes of the common header, and where its checksum is.
const HEADER: usize = 12;
const SUM: std::ops::Range<usize> = 8..HEADER;
/// Receiver window told, in bytes; more than is ever sent.
const WINDOW: u32 = 65_536;
/// The parameter of INIT ACK that carries the cookie.
const STATE_COOKIE: u16 = 7;
/// DATA that is a whole message of its own: its first and last part.
const WHOLE: u8 = 0b11;

/// What one side tells when an association begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// The tag that packets to this side must carry; never 0.
    pub(super) tag: u32,
    /// The number of the first DATA chunk.
    pub(super) first: u32,
}

/// A part of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// A message.
    Data { number: u32, message: Vec<u8> },
    /// Asks for an association.
    Init(Opening),
    /// Agrees, and gives a cookie.
    InitAck(Opening, Vec<u8>),
    /// All DATA up to this number has come.
    Sack(u32),
    /// There is no association, or none any more.
    Abort,
    /// Shows the cookie.
    CookieEcho(Vec<u8>),
    /// The association stands.
    CookieAck,
    /// Any other.
    Other,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// The sender's port.
    pub(super) source: u16,
    /// The receiver's port.
    pub(super) destination: u16,
    /// The receiver's tag; 0 in a packet that asks for an association.
    pub(super) tag: u32,
    /// Its parts.
    pub(super) chunks: Vec<Chunk>,
}

impl Packet {
    /// Reads what a raw socket received from a peer: those of IPv4 get the IP header, too.
    pub(super) fn received(bytes: &[u8], peer: IpAddr) -> Option<Self> {
        let header = match peer {
            IpAddr::V4(_) => usize::from(bytes.first()? & 0x0f) * 4,
            IpAddr::V6(_) => 0,
        };
        Self::read(bytes.get(header..)?)
    }

    /// Reads what comes after the IP header; `None` unless the checksum and all lengths are right.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut summed = bytes.to_vec();
        let sum: [u8; 4] = summed.get(SUM)?.try_into().ok()?;
        summed[SUM].fill(0);
        if CHECKSUM.checksum(&summed).to_le_bytes() != sum {
            return None;
        }
        let mut chunks = Vec::new();
        let mut rest = &bytes[HEADER..];
        while !rest.is_empty() {
            let (kind, value) = (*rest.first()?, tagged(rest)?);
            chunks.push(Chunk::read(kind, value)?);
            rest = after(rest)?;
        }
        let port = |at| word16(bytes, at);
        Some(Self { source: port(0)?, destination: port(2)?, tag: word(bytes, 4)?, chunks })
    }

    /// Writes the packet, with its checksum.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.source.to_be_bytes(), self.destination.to_be_bytes()].concat();
        bytes.extend(self.tag.to_be_bytes());
        bytes.extend([0; 4]);
        self.chunks.iter().for_each(|chunk| chunk.write(&mut bytes));
        // The only number that is not in network order.
        let sum = CHECKSUM.checksum(&bytes).to_le_bytes();
        bytes[SUM].copy_from_slice(&sum);
        bytes
    }

    /// Returns the first message in it, and its number.
    pub(super) fn message(&self) -> Option<(u32, &[u8])> {
        self.chunks.iter().find_map(|chunk| match chunk {
            Chunk::Data { number, message } => Some((*number, &message[..])),
            _ => None,
        })
    }
}

impl Chunk {
    fn read(kind: u8, value: &[u8]) -> Option<Self> {
        Some(match kind {
            // After the number: stream, place in it, and what the message is for.
            0 => Self::Data { number: word(value, 0)?, message: value.get(12..)?.to_vec() },
            1 => Self::Init(Opening::read(value)?),
            2 => Self::InitAck(Opening::read(value)?, cookie(value.get(16..)?)?),
            3 => Self::Sack(word(value, 0)?),
            6 => Self::Abort,
            10 => Self::CookieEcho(value.to_vec()),
            11 => Self::CookieAck,
            _ => Self::Other,
        })
    }

    fn write(&self, to: &mut Vec<u8>) {
        let (kind, flags, value) = match self {
            Self::Data { number, message } => {
                let head = [&number.to_be_bytes()[..], &[0; 8]].concat();
                (0, WHOLE, [&head, &message[..]].concat())
            }
            Self::Init(opening) => (1, 0, opening.bytes()),
            Self::InitAck(opening, cookie) => {
                let mut value = opening.bytes();
                padded(&mut value, STATE_COOKIE.to_be_bytes(), cookie);
                (2, 0, value)
            }
            Self::Sack(number) => {
                let window = WINDOW.to_be_bytes();
                // No gaps, nothing twice.
                (3, 0, [&number.to_be_bytes()[..], &window, &[0; 4]].concat())
            }
            Self::Abort => (6, 0, Vec::new()),
            Self::CookieEcho(cookie) => (10, 0, cookie.clone()),
            Self::CookieAck => (11, 0, Vec::new()),
            // Nobody makes one.
            Self::Other => return,
        };
        padded(to, [kind, flags], &value);
    }
}

impl Opening {
    fn read(value: &[u8]) -> Option<Self> {
        let opening = Self { tag: word(value, 0)?, first: word(value, 12)? };
        (opening.tag != 0).then_some(opening)
    }

    fn bytes(self) -> Vec<u8> {
        // One stream each way.
        let streams = [0, 1, 0, 1];
        let (tag, first) = (self.tag.to_be_bytes(), self.first.to_be_bytes());
        [tag, WINDOW.to_be_bytes(), streams, first].concat()
    }
}

/// Finds the cookie among parameters.
fn cookie(mut parameters: &[u8]) -> Option<Vec<u8>> {
    loop {
        let kind = word16(parameters, 0)?;
        if kind == STATE_COOKIE {
            return tagged(parameters).map(<[u8]>::to_vec);
        }
        parameters = after(parameters)?;
    }
}

/// Returns the value at the front: chunks and parameters alike have two bytes, a length that counts
/// those and itself, and then the value.
fn tagged(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(4..usize::from(word16(bytes, 2)?))
}

/// Returns what comes after the value at the front, and after its padding.
fn after(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(word16(bytes, 2)?);
    // The padding of the last one may be missing.
    (4..=bytes.len())
        .contains(&length)
        .then(|| &bytes[bytes.len().min(length.next_multiple_of(4))..])
}

/// Writes a chunk or parameter.
fn padded(to: &mut Vec<u8>, kind: [u8; 2], value: &[u8]) {
    let length = u16::try_from(4 + value.len()).expect("nothing is larger than a packet");
    to.extend(kind);
    to.extend(length.to_be_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn word16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet() -> Packet {
        let opening = Opening { tag: 7, first: 9 };
        let chunks = vec![
            Chunk::Init(opening),
            Chunk::InitAck(opening, b"cookie".to_vec()),
            Chunk::CookieEcho(b"cookie!".to_vec()),
            Chunk::CookieAck,
            Chunk::Sack(9),
            Chunk::Data { number: 9, message: b"hello".to_vec() },
            Chunk::Abort,
        ];
        Packet { source: 1, destination: 2, tag: 3, chunks }
    }

    /// An INIT of Linux, as tcpdump shows it, with parameters that nobody here needs.
    #[test]
    fn what_others_send_is_read() {
        let mut bytes = vec![0x80, 0x44, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([1, 0, 0, 28, 0x3b, 0xb9, 0x9c, 0x46, 0, 1, 0xa0, 0, 0, 10, 255, 255]);
        bytes.extend([0x02, 0xd8, 0x3a, 0x5c, 0x80, 0, 0, 4, 0xc0, 0, 0, 4]);
        let sum = CHECKSUM.checksum(&bytes).to_le_bytes();
        bytes[SUM].copy_from_slice(&sum);
        let read = Packet::read(&bytes).expect("a packet");
        assert_eq!((read.source, read.destination, read.tag), (0x8044, 80, 0));
        let opening = Opening { tag: 0x3bb9_9c46, first: 0x02d8_3a5c };
        assert_eq!(read.chunks, [Chunk::Init(opening)]);
    }

    /// RFC 9260, appendix A, and RFC 3720, B.4: the checksum of nine digits.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_written_is_read() {
        let packet = packet();
        let bytes = packet.bytes();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(Packet::read(&bytes), Some(packet.clone()));
        assert_eq!(packet.message(), Some((9, &b"hello"[..])));
    }

    #[test]
    fn the_header_of_ipv4_is_passed_over() {
        let packet = packet();
        let with_options = [&[0x46][..], &[0; 23], &packet.bytes()].concat();
        let [v4, v6] = ["10.0.0.1", "fd00::1"].map(|text| text.parse().expect("an address"));
        assert_eq!(Packet::received(&with_options, v4), Some(packet.clone()));
        assert_eq!(Packet::received(&packet.bytes(), v6), Some(packet));
        assert_eq!(Packet::received(&[], v4), None);
    }

    #[test]
    fn a_changed_packet_is_none() {
        let bytes = packet().bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Packet::read(&changed), None, "byte {at}");
            assert_eq!(Packet::read(&bytes[..at]), None, "cut at {at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(mut bytes in prop::collection::vec(any::<u8>(), 12..200)) {
            bytes[SUM].fill(0);
            let sum = CHECKSUM.checksum(&bytes).to_le_bytes();
            bytes[SUM].copy_from_slice(&sum);
            let _ = Packet::read(&bytes);
        }
    }
}
