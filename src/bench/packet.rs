//! Packets for programs that run by themselves. Pure.

use std::net::IpAddr;

use crate::model::MacAddr;

const TCP: u8 = 6;
const TCP_HEADER: usize = 20;
/// A window and sequence numbers as good as any others.
const WINDOW: u16 = 0xfaf0;

/// TCP flags.
pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) mac: MacAddr,
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// Builds an Ethernet frame with a TCP segment. `next_hop` is the destination on the link.
///
/// # Panics
/// When the ends are of different families.
pub(super) fn tcp(from: End, next_hop: MacAddr, to: End, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(TCP_HEADER + payload.len());
    segment.extend(from.port.to_be_bytes());
    segment.extend(to.port.to_be_bytes());
    segment.extend(1_u32.to_be_bytes());
    segment.extend(if flags & ACK == 0 { 0_u32 } else { 1 }.to_be_bytes());
    segment.extend([(TCP_HEADER as u8 / 4) << 4, flags]);
    segment.extend(WINDOW.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    let length = u16::try_from(segment.len()).expect("payloads are small");

    let mut frame = Vec::with_capacity(14 + 40 + segment.len());
    frame.extend(next_hop.0);
    frame.extend(from.mac.0);
    let mut pseudo = Vec::new();
    match (from.address, to.address) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = Vec::with_capacity(20);
            header.extend([0x45, 0]);
            header.extend((20 + length).to_be_bytes());
            header.extend([0, 1, 0x40, 0, 64, TCP, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = checksum(&[&header]).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            frame.extend([0x08, 0x00]);
            frame.extend(header);
            pseudo.extend(source.octets());
            pseudo.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([TCP, 64]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
            pseudo.extend(source.octets());
            pseudo.extend(destination.octets());
        }
        _ => panic!("both ends of a connection are of one family"),
    }
    pseudo.extend([0, TCP]);
    pseudo.extend(length.to_be_bytes());
    let sum = checksum(&[&pseudo, &segment]).to_be_bytes();
    segment[16..18].copy_from_slice(&sum);
    frame.extend(segment);
    frame
}

/// The Internet checksum over parts of even length; the last may be odd.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_1071() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
        assert_eq!(checksum(&[&[1]]), !0x0100);
    }

    #[test]
    fn frames_of_both_families_verify() {
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
            let end = |text: &str, port| End {
                mac: MacAddr([2, 0, 0, 0, 0, 1]),
                address: text.parse().unwrap(),
                port,
            };
            let frame = tcp(end(a, 1000), MacAddr([2; 6]), end(b, 80), ACK, b"odd");
            let (header, addresses) = if frame[12] == 0x08 { (20, 26..34) } else { (40, 22..54) };
            if header == 20 {
                assert_eq!(checksum(&[&frame[14..34]]), 0);
            }
            let segment = &frame[14 + header..];
            let mut pseudo = frame[addresses].to_vec();
            pseudo.extend([0, TCP, 0, segment.len() as u8]);
            assert_eq!(checksum(&[&pseudo, segment]), 0, "{a}");
        }
    }
}
