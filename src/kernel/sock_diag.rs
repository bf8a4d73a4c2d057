//! Sockets of a network namespace, by sock_diag(7).

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Bytes of `struct inet_diag_req_v2`, and where its socket is named.
const REQUEST: usize = 56;
const REQUEST_SOCKET: usize = 8;
/// Bytes of `struct inet_diag_msg`, and where its socket is named.
const MESSAGE: usize = 72;
const MESSAGE_SOCKET: usize = 4;
/// Bytes of `struct inet_diag_sockid`, and where the other end's address is in it.
const SOCKET: usize = 48;
const OTHER_END: usize = 20;
/// States that connections have before they end: SYN_SENT and ESTABLISHED, and waiting for the other's FIN
/// or the program's own (include/net/tcp_states.h).
const STATES: u32 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8;

/// Sockets of a protocol, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketKind {
    /// Connections.
    Tcp = 6,
    /// Sockets for datagrams that have one other end.
    Udp = 17,
}

/// Aborts all connected sockets of a kind in the current network namespace to some addresses: programs get
/// ECONNABORTED at once, where they would wait for somebody who is gone. Returns how many there were.
///
/// # Errors
/// When the kernel cannot list or abort sockets (CONFIG_INET_DIAG_DESTROY).
pub fn abort_connections(kind: SocketKind, to: &BTreeSet<IpAddr>) -> io::Result<usize> {
    let mut aborted = 0;
    for family in [libc::AF_INET, libc::AF_INET6] {
        let kind = (u8::try_from(family).expect("families are small"), kind);
        for socket in list(kind)?.into_iter().filter(|socket| to.contains(&socket.other_end)) {
            match destroy(kind, &socket.id) {
                Ok(()) => aborted += 1,
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(aborted)
}

/// A socket, as the kernel names it.
struct Found {
    id: [u8; SOCKET],
    other_end: IpAddr,
}

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

type Kind = (u8, SocketKind);

fn request(
    kind: u16,
    flags: u16,
    (family, protocol): Kind,
    id: &[u8; SOCKET],
) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    let length = u32::try_from(bytes.len()).expect("it is short");
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    let body = &mut bytes[HEADER..];
    (body[0], body[1]) = (family, protocol as u8);
    body[4..8].copy_from_slice(&STATES.to_ne_bytes());
    body[REQUEST_SOCKET..].copy_from_slice(id);
    bytes
}

/// Lists the connected sockets of a family.
fn list(kind: Kind) -> io::Result<Vec<Found>> {
    let socket = open()?;
    socket.send(&request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, kind, &[0; SOCKET]), 0)?;
    let mut found = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        for (kind, body) in messages(&datagram) {
            match kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(error_of(body)),
                _ => found.extend(read(body)),
            }
        }
    }
}

fn destroy(kind: Kind, id: &[u8; SOCKET]) -> io::Result<()> {
    let socket = open()?;
    socket.send(&request(SOCK_DESTROY, NLM_F_ACK, kind, id), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    match messages(&datagram).next() {
        Some((NLMSG_ERROR, body)) if number(body) == Some(0) => Ok(()),
        Some((NLMSG_ERROR, body)) => Err(error_of(body)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Splits a datagram into the messages in it.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length: [u8; 4] = datagram.get(..4)?.try_into().ok()?;
        let length = u32::from_ne_bytes(length) as usize;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([message[4], message[5]]), &message[HEADER..]))
    })
}

fn read(body: &[u8]) -> Option<Found> {
    let body = body.get(..MESSAGE)?;
    let id: [u8; SOCKET] = body[MESSAGE_SOCKET..MESSAGE_SOCKET + SOCKET].try_into().ok()?;
    let end: [u8; 16] = id[OTHER_END..OTHER_END + 16].try_into().ok()?;
    let other_end = match i32::from(body[0]) {
        libc::AF_INET => Ipv4Addr::new(end[0], end[1], end[2], end[3]).into(),
        _ => Ipv6Addr::from(end).to_canonical(),
    };
    Some(Found { id, other_end })
}

/// Returns the number in an answer: 0, or an error's, negative.
fn number(body: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(body.get(..4)?.try_into().ok()?))
}

fn error_of(body: &[u8]) -> io::Error {
    match number(body) {
        Some(number) if number < 0 => io::Error::from_raw_os_error(-number),
        _ => io::ErrorKind::InvalidData.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_split_into_its_messages() {
        let mut one = vec![0; 20];
        one[..4].copy_from_slice(&20_u32.to_ne_bytes());
        one[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        one[16..].copy_from_slice(&(-libc::EOPNOTSUPP).to_ne_bytes());
        let datagram = [one.clone(), one].concat();
        let all: Vec<_> = messages(&datagram).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(error_of(all[1].1).raw_os_error(), Some(libc::EOPNOTSUPP));
        assert_eq!(messages(&datagram[..30]).count(), 1, "the second one is cut off");
        assert_eq!(messages(&[4, 0, 0, 0]).count(), 0, "shorter than its header");
    }

    #[test]
    fn a_mapped_address_is_one_of_ipv4() {
        let mut body = [0; MESSAGE];
        body[0] = u8::try_from(libc::AF_INET6).expect("small");
        let mapped = Ipv4Addr::new(10, 0, 0, 7).to_ipv6_mapped();
        let at = MESSAGE_SOCKET + OTHER_END;
        body[at..at + 16].copy_from_slice(&mapped.octets());
        assert_eq!(read(&body).expect("a socket").other_end, IpAddr::from([10, 0, 0, 7]));
    }
}
