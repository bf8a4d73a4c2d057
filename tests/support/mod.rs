//! Shared by the test layers: waiting, and traffic between namespaces.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    fmt::Debug,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
    setsockopt, socket, sockopt,
};
use skep::kernel::NetNs;

/// How long anything in a test may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How long an answer may take when none is expected.
pub(crate) const SILENCE: Duration = Duration::from_millis(200);

/// Waits until `probe` returns something.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `act` in a namespace.
pub(crate) fn inside<T: Send, E: Debug + Send>(
    netns: &NetNs,
    act: impl FnOnce() -> Result<T, E> + Send,
) -> T {
    netns.run(act).expect("the namespace can be entered").expect("the action succeeds")
}

/// A UDP socket in a namespace.
pub(crate) fn udp(netns: &NetNs, address: IpAddr) -> UdpSocket {
    let socket = inside(netns, || UdpSocket::bind((address, 0)));
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    socket
}

/// Sends a datagram each way and returns the address that the receiver saw.
pub(crate) fn udp_exchange(
    from: &UdpSocket,
    to: &UdpSocket,
    target: IpAddr,
) -> io::Result<SocketAddr> {
    let mut buffer = [0; 64];
    from.send_to(b"ask", (target, to.local_addr()?.port()))?;
    let (length, seen) = to.recv_from(&mut buffer)?;
    assert_eq!(&buffer[..length], b"ask");
    to.send_to(b"answer", seen)?;
    let (length, _) = from.recv_from(&mut buffer)?;
    assert_eq!(&buffer[..length], b"answer");
    Ok(seen)
}

/// Opens a TCP connection, sends a line each way and returns both ends.
pub(crate) fn tcp_exchange(from: &NetNs, to: &NetNs, target: IpAddr) -> (TcpStream, TcpStream) {
    let listener = inside(to, || TcpListener::bind((target, 0)));
    let address = listener.local_addr().expect("a listener has an address");
    let mut client = inside(from, || TcpStream::connect_timeout(&address, DEADLINE));
    let (mut server, _) = listener.accept().expect("the connection arrives");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    }
    say(&mut client, &mut server);
    say(&mut server, &mut client);
    (client, server)
}

/// Sends a line over an open connection.
pub(crate) fn say(from: &mut TcpStream, to: &mut TcpStream) {
    let mut line = [0; 6];
    from.write_all(b"hello\n").expect("the line is sent");
    to.read_exact(&mut line).expect("the line arrives");
    assert_eq!(&line, b"hello\n");
}

/// Sends one ICMP echo request and waits for its reply.
pub(crate) fn ping(netns: &NetNs, target: IpAddr) -> io::Result<()> {
    ping_for(netns, target, DEADLINE)
}

/// The same with another deadline.
pub(crate) fn ping_for(netns: &NetNs, target: IpAddr, deadline: Duration) -> io::Result<()> {
    let socket = inside(netns, || raw_icmp(target));
    let step = nix::sys::time::TimeVal::new(0, 50_000);
    setsockopt(&socket, sockopt::ReceiveTimeout, &step)?;
    let (request, reply) = if target.is_ipv4() { (8, 0) } else { (128, 129) };
    let identifier = (std::process::id() as u16).to_be_bytes();
    let mut echo = [request, 0, 0, 0, identifier[0], identifier[1], 0, 1, 1, 2, 3, 4];
    let sum = checksum(&echo).to_be_bytes();
    if target.is_ipv4() {
        echo[2..4].copy_from_slice(&sum);
    }
    let address = SockaddrStorage::from(SocketAddr::new(target, 0));
    sendto(socket.as_raw_fd(), &echo, &address, MsgFlags::empty())?;
    let end = Instant::now() + deadline;
    let mut buffer = [0; 256];
    while Instant::now() < end {
        match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(length) => {
                // IPv4 raw sockets see the IP header, IPv6 ones do not.
                let start = if target.is_ipv4() { usize::from(buffer[0] & 15) * 4 } else { 0 };
                let message = buffer.get(start..length).unwrap_or_default();
                if message.first() == Some(&reply) && message.get(4..6) == Some(&identifier) {
                    return Ok(());
                }
            }
            Err(nix::errno::Errno::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn raw_icmp(target: IpAddr) -> io::Result<OwnedFd> {
    let (family, protocol) = match target {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let _ = socket.as_fd();
    Ok(socket)
}

/// The internet checksum (RFC 1071).
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
