//! Frames, byte by byte, and the checksums they must have.

use std::net::IpAddr;

/// MAC of every pod in these tests.
pub(crate) const POD_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];
/// MAC of the host's end of the veth, the gateway.
pub(crate) const GATEWAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x01];

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// An IP packet in an Ethernet frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) src_mac: [u8; 6],
    pub(crate) dst_mac: [u8; 6],
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) proto: u8,
    /// IPv4 options or IPv6 extension headers; the latter's first type is `next`.
    pub(crate) extra: Vec<u8>,
    /// First header after the IPv6 header.
    pub(crate) next: Option<u8>,
    /// IPv4: the word with flags and fragment offset; identification.
    pub(crate) fragment: (u16, u16),
    pub(crate) body: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(src: IpAddr, dst: IpAddr, proto: u8, body: Vec<u8>) -> Self {
        Self {
            src_mac: POD_MAC,
            dst_mac: GATEWAY_MAC,
            src,
            dst,
            ttl: 64,
            proto,
            extra: Vec::new(),
            next: None,
            fragment: (0, 0x1234),
            body,
        }
    }

    pub(crate) fn tcp(src: (IpAddr, u16), dst: (IpAddr, u16), flags: u8) -> Self {
        let mut body = vec![0; 20];
        body[0..2].copy_from_slice(&src.1.to_be_bytes());
        body[2..4].copy_from_slice(&dst.1.to_be_bytes());
        body[12] = 5 << 4;
        body[13] = flags;
        body.extend_from_slice(b"hello, pod");
        Self::new(src.0, dst.0, TCP, body).summed()
    }

    pub(crate) fn udp(src: (IpAddr, u16), dst: (IpAddr, u16), data: &[u8]) -> Self {
        let mut body = Vec::new();
        body.extend_from_slice(&src.1.to_be_bytes());
        body.extend_from_slice(&dst.1.to_be_bytes());
        body.extend_from_slice(&(8 + data.len() as u16).to_be_bytes());
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(data);
        Self::new(src.0, dst.0, UDP, body).summed()
    }

    pub(crate) fn echo(src: IpAddr, dst: IpAddr, id: u16, reply: bool) -> Self {
        let (proto, request) = if src.is_ipv4() { (1, 8) } else { (58, 128) };
        let kind = match (src.is_ipv4(), reply) {
            (_, false) => request,
            (true, true) => 0,
            (false, true) => 129,
        };
        let mut body = vec![kind, 0, 0, 0];
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(b"\x00\x01ping");
        Self::new(src, dst, proto, body).summed()
    }

    /// An ICMP error of `src` to `dst` that quotes the IP packet of a frame.
    pub(crate) fn error(src: IpAddr, dst: IpAddr, quoted: &[u8]) -> Self {
        let (proto, kind, code) = if src.is_ipv4() { (1, 3, 4) } else { (58, 2, 0) };
        let mut body = vec![kind, code, 0, 0, 0, 0, 5, 0];
        body.extend_from_slice(&quoted[14..]);
        Self::new(src, dst, proto, body).summed()
    }

    pub(crate) fn sent_by(mut self, mac: [u8; 6]) -> Self {
        self.src_mac = mac;
        self
    }

    pub(crate) fn sent_to(mut self, mac: [u8; 6]) -> Self {
        self.dst_mac = mac;
        self
    }

    pub(crate) fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn extra(mut self, next: Option<u8>, extra: &[u8]) -> Self {
        self.next = next;
        self.extra = extra.to_vec();
        self
    }

    pub(crate) fn fragment(mut self, place: u16, id: u16) -> Self {
        self.fragment = (place, id);
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Puts the right layer 4 checksum into the body.
    pub(crate) fn summed(mut self) -> Self {
        if let Some(at) = sum_offset(self.proto)
            && self.body.len() >= at + 2
        {
            self.body[at..at + 2].copy_from_slice(&[0, 0]);
            let mut sum = !fold(l4_sum(self.src, self.dst, self.proto, &self.body));
            if self.proto == UDP && sum == 0 {
                sum = 0xffff;
            }
            self.body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.dst_mac);
        out.extend_from_slice(&self.src_mac);
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                out.extend_from_slice(&[8, 0]);
                let header = 20 + self.extra.len();
                let total = (header + self.body.len()) as u16;
                let mut ip = vec![0x40 | (header / 4) as u8, 0];
                ip.extend_from_slice(&total.to_be_bytes());
                ip.extend_from_slice(&self.fragment.1.to_be_bytes());
                ip.extend_from_slice(&self.fragment.0.to_be_bytes());
                ip.extend_from_slice(&[self.ttl, self.proto, 0, 0]);
                ip.extend_from_slice(&src.octets());
                ip.extend_from_slice(&dst.octets());
                ip.extend_from_slice(&self.extra);
                let sum = !fold(words(&ip));
                ip[10..12].copy_from_slice(&sum.to_be_bytes());
                out.extend_from_slice(&ip);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                out.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
                let payload = (self.extra.len() + self.body.len()) as u16;
                out.extend_from_slice(&payload.to_be_bytes());
                out.extend_from_slice(&[self.next.unwrap_or(self.proto), self.ttl]);
                out.extend_from_slice(&src.octets());
                out.extend_from_slice(&dst.octets());
                out.extend_from_slice(&self.extra);
            }
            _ => panic!("both addresses of a packet have one family"),
        }
        out.extend_from_slice(&self.body);
        out
    }
}

/// Splits a packet into two fragments; the first has `first` bytes of the body, a multiple of 8.
pub(crate) fn fragments(frame: &Frame, first: usize, id: u16) -> (Vec<u8>, Vec<u8>) {
    let (head, tail) = frame.body.split_at(first);
    if frame.src.is_ipv4() {
        let one = frame.clone().body(head).fragment(0x2000, id).bytes();
        let two = frame.clone().body(tail).fragment((first / 8) as u16, id).bytes();
        return (one, two);
    }
    let header = |place: u16| {
        let mut header = vec![frame.proto, 0];
        header.extend_from_slice(&place.to_be_bytes());
        header.extend_from_slice(&u32::from(id).to_be_bytes());
        header
    };
    let one = frame.clone().body(head).extra(Some(44), &header(1)).bytes();
    let two = frame.clone().body(tail).extra(Some(44), &header(first as u16)).bytes();
    (one, two)
}

/// Returns the offset of the IP addresses' end, that is of what follows the fixed header.
pub(crate) fn is_v4(frame: &[u8]) -> bool {
    frame[12..14] == [8, 0]
}

pub(crate) fn ttl(frame: &[u8]) -> u8 {
    if is_v4(frame) { frame[22] } else { frame[21] }
}

pub(crate) fn addresses(frame: &[u8]) -> (IpAddr, IpAddr) {
    if is_v4(frame) {
        let at = |i: usize| <[u8; 4]>::try_from(&frame[i..i + 4]).expect("four bytes");
        (at(26).into(), at(30).into())
    } else {
        let at = |i: usize| <[u8; 16]>::try_from(&frame[i..i + 16]).expect("sixteen bytes");
        (at(22).into(), at(38).into())
    }
}

/// Returns layer 4 of a frame without options or extension headers.
pub(crate) fn body(frame: &[u8]) -> &[u8] {
    if is_v4(frame) { &frame[34..] } else { &frame[54..] }
}

pub(crate) fn ports(frame: &[u8]) -> (u16, u16) {
    let body = body(frame);
    (u16::from_be_bytes([body[0], body[1]]), u16::from_be_bytes([body[2], body[3]]))
}

/// Recomputes every checksum of a plain frame in full and compares.
pub(crate) fn sums_are_valid(frame: &[u8]) -> bool {
    let (src, dst) = addresses(frame);
    let proto = if is_v4(frame) { frame[23] } else { frame[20] };
    let header = !is_v4(frame) || fold(words(&frame[14..34])) == 0xffff;
    let body = body(frame);
    let absent = proto == UDP && body[6..8] == [0, 0];
    header && (absent || fold(l4_sum(src, dst, proto, body)) == 0xffff)
}

fn sum_offset(proto: u8) -> Option<usize> {
    match proto {
        TCP => Some(16),
        UDP => Some(6),
        1 | 58 => Some(2),
        _ => None,
    }
}

fn l4_sum(src: IpAddr, dst: IpAddr, proto: u8, body: &[u8]) -> u64 {
    let pseudo = match (src, dst) {
        (IpAddr::V4(_), _) if proto == 1 => 0,
        (IpAddr::V4(src), IpAddr::V4(dst)) => words(&src.octets()) + words(&dst.octets()),
        (IpAddr::V6(src), IpAddr::V6(dst)) => words(&src.octets()) + words(&dst.octets()),
        _ => panic!("both addresses of a packet have one family"),
    };
    let fixed = if pseudo == 0 { 0 } else { u64::from(proto) + body.len() as u64 };
    pseudo + fixed + words(body)
}

fn words(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|c| u64::from(u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)])))
        .sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The first packet of a connection and its answer, as they are between these ends.
pub(crate) fn exchange(one: (IpAddr, u16), other: (IpAddr, u16), proto: u8) -> (Frame, Frame) {
    match proto {
        TCP => (Frame::tcp(one, other, SYN), Frame::tcp(other, one, SYN | ACK)),
        _ => (Frame::udp(one, other, b"question"), Frame::udp(other, one, b"answer")),
    }
}
