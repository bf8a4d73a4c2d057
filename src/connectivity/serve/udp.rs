//! UDP: questions are answered, other datagrams go back as they came; from the address that they
//! were sent to.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol,
        SockType, SockaddrIn6, SockaddrStorage, bind, recvmsg, sendmsg, setsockopt, socket,
        sockopt,
    },
};
use tokio::{io::Interest, net::UdpSocket};

use super::answer::{Answer, is_question};

/// Largest datagram.
const LARGEST: usize = 65_535;

/// Opens the IPv4 socket.
pub(super) fn open_v4(port: u16) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// Opens the IPv6 socket.
pub(super) fn open_v6(port: u16) -> io::Result<UdpSocket> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let descriptor = socket(AddressFamily::Inet6, SockType::Datagram, flags, SockProtocol::Udp)?;
    setsockopt(&descriptor, sockopt::Ipv6V6Only, &true)?;
    setsockopt(&descriptor, sockopt::Ipv6RecvPacketInfo, &true)?;
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    bind(descriptor.as_raw_fd(), &SockaddrIn6::from(address))?;
    UdpSocket::from_std(descriptor.into())
}

/// Answers every datagram, for ever.
pub(super) async fn serve(name: &str, socket: UdpSocket) {
    let Ok(port) = socket.local_addr().map(|local| local.port()) else { return };
    converse(&socket, |received, server, client| {
        let server = SocketAddr::new(server, port);
        let told = is_question(received).then(|| Answer { name, server, client }.json());
        Some(told.transpose().ok()?.map_or_else(|| received.to_vec(), String::into_bytes))
    })
    .await;
}

/// Answers what a socket receives by what `answer` makes of it, whom it was sent to and who sent
/// it; for ever.
///
/// A node has several addresses: without the one that was asked as source, the kernel chooses, and
/// the client drops the answer of a stranger.
pub(super) async fn converse(
    socket: &UdpSocket,
    answer: impl Fn(&[u8], IpAddr, SocketAddr) -> Option<Vec<u8>>,
) {
    let mut buffer = vec![0; LARGEST];
    loop {
        if socket.ready(Interest::READABLE).await.is_err() {
            return;
        }
        // Errors are about earlier datagrams that could not be delivered; the socket goes on.
        socket.try_io(Interest::READABLE, || exchange(socket, &mut buffer, &answer)).ok();
    }
}

fn exchange(
    socket: &UdpSocket,
    buffer: &mut [u8],
    answer: impl Fn(&[u8], IpAddr, SocketAddr) -> Option<Vec<u8>>,
) -> io::Result<()> {
    let descriptor = socket.as_raw_fd();
    let mut space = nix::cmsg_space!([u8; 64]);
    let mut iov = [IoSliceMut::new(buffer)];
    let received =
        recvmsg::<SockaddrStorage>(descriptor, &mut iov, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
    let (length, client) = (received.bytes, received.address);
    let asked = received.cmsgs()?.find_map(Asked::read);
    let client = client.ok_or(Errno::EDESTADDRREQ)?;
    let server = match &asked {
        Some(asked) => asked.address(),
        None => socket.local_addr()?.ip(),
    };
    let Some(answer) = answer(&buffer[..length], server, address(&client)?) else { return Ok(()) };
    let iov = [IoSlice::new(&answer)];
    let send = |controls: &[ControlMessage<'_>]| {
        sendmsg(descriptor, &iov, controls, MsgFlags::empty(), Some(&client)).map(drop)
    };
    Ok(match &asked {
        Some(Asked::V4(info)) => send(&[ControlMessage::Ipv4PacketInfo(info)]),
        Some(Asked::V6(info)) => send(&[ControlMessage::Ipv6PacketInfo(info)]),
        None => send(&[]),
    }?)
}

/// Returns who sent a datagram.
fn address(client: &SockaddrStorage) -> io::Result<SocketAddr> {
    let v4 = client.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    let v6 = client.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port())));
    v4.or(v6).ok_or_else(|| Errno::EAFNOSUPPORT.into())
}

/// The address that was asked, in the form in which it becomes the answer's source.
enum Asked {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Asked {
    fn address(&self) -> IpAddr {
        match self {
            Self::V4(info) => Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into(),
            Self::V6(info) => Ipv6Addr::from(info.ipi6_addr.s6_addr).into(),
        }
    }

    fn read(control: ControlMessageOwned) -> Option<Self> {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(Self::V4(libc::in_pktinfo {
                // Routing decides by which device.
                ipi_ifindex: 0,
                ipi_spec_dst: info.ipi_addr,
                ipi_addr: info.ipi_addr,
            })),
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                Some(Self::V6(libc::in6_pktinfo { ipi6_ifindex: 0, ..info }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicU16, Ordering},
        time::Duration,
    };

    use tokio_util::sync::CancellationToken;

    use crate::connectivity::{
        probe::{Outcome, Patience, Probe, run_all},
        serve,
    };

    /// Asks a server of this process in every way.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn client_and_server_understand_each_other_in_both_families() {
        let port = free_port();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve::serve("me", port, true, stop.clone()));
        let mut probes = Vec::new();
        for host in ["127.0.0.1", "[::1]"] {
            for options in [
                "http://H:P",
                "tcp://H:P,size=300000",
                "udp://H:P,size=60000",
                "udp://H:P",
                "udp://H:P,servers=1",
                "udp://H:P,until=me",
                "http://H:P,until=me",
            ] {
                let text = options.replace('H', host).replace('P', &port.to_string());
                // The scheme has letters of its own.
                let text = text.replace(&format!("{host}ttp"), "http");
                probes
                    .push(text.parse::<Probe>().unwrap_or_else(|error| panic!("{text}: {error}")));
            }
        }
        let run = move || run_all(&probes, Duration::from_secs(5), 8, Patience::UntilAnswered);
        let attempts = tokio::task::spawn_blocking(run).await.unwrap();
        for attempt in &attempts {
            assert!(attempt.outcome.is_answer(), "{attempt:?}");
            let Outcome::Answered { seen_as, servers, .. } = &attempt.outcome else {
                panic!("{attempt:?}")
            };
            let lasts = attempt.probe.ends_with("until=me");
            let tells = attempt.probe.starts_with("http") || attempt.probe.ends_with("servers=1");
            assert_eq!(seen_as.is_some(), tells && !lasts, "{attempt:?}");
            assert_eq!(servers.concat(), if tells || lasts { "me" } else { "" }, "{attempt:?}");
        }
        stop.cancel();
        server.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_closed_port_refuses_and_says_who() {
        let port = free_port();
        let run = move || {
            let probes = ["udp://127.0.0.1:P", "udp://[::1]:P", "tcp://127.0.0.1:P"]
                .map(|text| text.replace('P', &port.to_string()).parse().unwrap());
            run_all(&probes, Duration::from_secs(2), 1, Patience::None)
        };
        let attempts = tokio::task::spawn_blocking(run).await.unwrap();
        let by = |text: &str| Outcome::Refused { by: Some(text.parse().unwrap()) };
        let outcomes: Vec<_> = attempts.into_iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [by("127.0.0.1"), by("::1"), Outcome::Refused { by: None }]);
    }

    /// One that nobody has by TCP or UDP, and no client of another test gets.
    fn free_port() -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let own = 10_000 + (std::process::id() % 10_000) as u16;
        let is_free = |port: &u16| {
            let any = (Ipv4Addr::UNSPECIFIED, *port);
            std::net::TcpListener::bind(any).is_ok() && std::net::UdpSocket::bind(any).is_ok()
        };
        let candidates = (0..).map(|_| own + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000);
        candidates.take(1_000).find(is_free).expect("one of a thousand ports is free")
    }
}
