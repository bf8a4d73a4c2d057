//! UDP and ICMP echo: a packet that must come back.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};
use rustix::net::sockopt as option;

use super::{
    message::{Echo, Payload, Seen, overhead, pattern},
    outcome::Outcome,
    queue,
    spec::{Fragments, Probe, Protocol, Size},
};

/// How often a packet is sent until it is answered.
pub(super) const ATTEMPTS: u32 = 3;
/// A port that is asked for nothing.
const DISCARD: u16 = 9;
/// Largest packet received, headers included.
const LARGEST: usize = 65_600;

/// A socket that is ready to send.
struct Ready {
    socket: UdpSocket,
    /// How echo packets look; none for UDP.
    echo: Option<Echo>,
    /// The identifier of echo packets; none where the kernel chooses it.
    id: Option<u16>,
    address: IpAddr,
    /// To whom it sends and from whom it takes answers, if it is not connected.
    peer: Option<SocketAddr>,
}

/// Sends the packet, a few times if need be, and waits for its answer.
pub(super) fn try_it(probe: &Probe, address: IpAddr, timeout: Duration) -> Outcome {
    let started = Instant::now();
    let begun = Ready::new(probe, address).and_then(|ready| {
        let (size, mtu) = ready.payload_size(probe)?;
        Ok((ready, size, mtu))
    });
    match begun {
        Ok((ready, ..)) if probe.servers.is_some() => {
            ready.exchange(&Payload::Question, None, timeout)
        }
        Ok((ready, size, mtu)) => {
            ready.exchange(&Payload::Echo(pattern(size, rand::random())), mtu, timeout)
        }
        Err(error) => Outcome::of(&error, elapsed(started)),
    }
}

/// Returns how long ago something was, in milliseconds.
pub(super) fn elapsed(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Ready {
    fn new(probe: &Probe, address: IpAddr) -> io::Result<Self> {
        let (socket, echo, id) = match probe.protocol {
            Protocol::Icmp => {
                let (socket, echo, id) = echo_socket(address)?;
                (socket, Some(echo), id)
            }
            _ => (UdpSocket::bind(any_of(address))?, None, None),
        };
        prepare(&socket, probe, address)?;
        let peer = SocketAddr::new(address, probe.port);
        if probe.connects {
            socket.connect(peer)?;
        }
        Ok(Self { socket, echo, id, address, peer: Some(peer).filter(|_| !probe.connects) })
    }

    /// Returns the size of the payload, and the route's MTU when that decides it.
    fn payload_size(&self, probe: &Probe) -> io::Result<(usize, Option<u32>)> {
        match probe.size {
            Size::Payload(size) => Ok((size as usize, None)),
            Size::RouteMtu(more) => {
                let mtu = match self.address {
                    IpAddr::V4(_) => option::ip_mtu(&self.socket)?,
                    IpAddr::V6(_) => option::ipv6_mtu(&self.socket)?,
                };
                let size = (mtu + u32::from(more)).saturating_sub(overhead(self.address));
                Ok((size as usize, Some(mtu)))
            }
        }
    }

    fn exchange(&self, payload: &Payload, mtu: Option<u32>, timeout: Duration) -> Outcome {
        let started = Instant::now();
        let mut buffer = vec![0; LARGEST];
        for attempt in 0..ATTEMPTS {
            let sent = Instant::now();
            let sequence = attempt as u16;
            let packet = match self.echo {
                Some(echo) => echo.request(self.id.unwrap_or(0), sequence, payload.bytes()),
                None => payload.bytes().to_vec(),
            };
            if let Err(error) = self.send(&packet) {
                return explain(&self.socket, self.address, &error, started);
            }
            let until = started + timeout * (attempt + 1) / ATTEMPTS;
            match self.answer(payload, sequence, until, &mut buffer) {
                Ok(Ok(seen)) => {
                    let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
                    return Outcome::answered(micros, seen).after(attempt, mtu);
                }
                Ok(Err(at)) => return Outcome::Corrupt { at },
                Err(error) if is_timeout(&error) => {}
                Err(error) => return explain(&self.socket, self.address, &error, started),
            }
        }
        Outcome::TimedOut { millis: elapsed(started) }
    }

    fn send(&self, packet: &[u8]) -> io::Result<usize> {
        match self.peer {
            Some(peer) => self.socket.send_to(packet, peer),
            None => self.socket.send(packet),
        }
    }

    /// Receives a packet; returns its length and, if the socket is not connected, who sent it.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        match self.peer {
            Some(_) => self.socket.recv_from(buffer).map(|(length, sender)| (length, Some(sender))),
            None => self.socket.recv(buffer).map(|length| (length, None)),
        }
    }

    /// Waits for the answer; returns what it tells, or where it differs from what it should be.
    fn answer(
        &self,
        payload: &Payload,
        sequence: u16,
        until: Instant,
        buffer: &mut [u8],
    ) -> io::Result<Result<Option<Seen>, u64>> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let (length, sender) = self.receive(buffer)?;
            let received = match self.echo {
                None => Some(&buffer[..length]).filter(|_| sender == self.peer),
                Some(echo) => echo.reply(&buffer[..length], self.id, sequence),
            };
            if let Some(received) = received {
                return Ok(payload.compare(received));
            }
            if until <= Instant::now() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Returns how a probe ended whose socket reports an error: its queue knows more than the number.
pub(super) fn explain(
    socket: &UdpSocket,
    address: IpAddr,
    error: &io::Error,
    started: Instant,
) -> Outcome {
    if let Some(outcome) = queue::take(socket) {
        return outcome;
    }
    if error.raw_os_error() == Some(libc::EMSGSIZE) {
        let mtu = match address {
            IpAddr::V4(_) => option::ip_mtu(socket),
            IpAddr::V6(_) => option::ipv6_mtu(socket),
        };
        return Outcome::TooBig { mtu: mtu.unwrap_or(0), by: None };
    }
    Outcome::of(error, elapsed(started))
}

/// Tells whether nothing came in time.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Returns the address from which packets to another one leave.
pub(super) fn source(address: IpAddr) -> Outcome {
    // Connecting chooses it, and sends nothing.
    let chosen = UdpSocket::bind(any_of(address)).and_then(|socket| {
        socket.connect(SocketAddr::new(address, DISCARD))?;
        socket.local_addr()
    });
    match chosen {
        Ok(own) => Outcome::Resolved { micros: 0, addresses: vec![own.ip()] },
        Err(error) => Outcome::of(&error, 0),
    }
}

/// Returns the place where a socket of the family is bound that the kernel may choose for.
const fn any_of(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "0.0.0.0:0",
        IpAddr::V6(_) => "[::]:0",
    }
}

/// Opens an echo socket: the kind that needs no privilege where the system allows it to this
/// user's group, else a raw one.
fn echo_socket(address: IpAddr) -> io::Result<(UdpSocket, Echo, Option<u16>)> {
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let open = |kind| socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol);
    let (descriptor, is_raw) = match open(SockType::Datagram) {
        Ok(descriptor) => (descriptor, false),
        Err(_) => (open(SockType::Raw)?, true),
    };
    let echo = match (address, is_raw) {
        (IpAddr::V6(_), _) => Echo::V6,
        (_, true) => Echo::V4Raw,
        (_, false) => Echo::V4Datagram,
    };
    // The standard library's type does what is needed with any datagram-like socket.
    Ok((UdpSocket::from(descriptor), echo, is_raw.then(rand::random)))
}

/// Sets the options of a probe, and asks for errors in detail.
pub(super) fn prepare(socket: &UdpSocket, probe: &Probe, address: IpAddr) -> io::Result<()> {
    use option::{Ipv4PathMtuDiscovery as V4, Ipv6PathMtuDiscovery as V6};
    let (four, six) = match probe.fragments {
        Fragments::Allowed => (None, None),
        Fragments::Never => (Some(V4::DO), Some(V6::DO)),
        Fragments::NeverNorRoute => (Some(V4::PROBE), Some(V6::PROBE)),
    };
    match address {
        IpAddr::V4(_) => {
            setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
            if let Some(four) = four {
                option::set_ip_mtu_discover(socket, four)?;
            }
            if let Some(ttl) = probe.ttl {
                setsockopt(socket, sockopt::Ipv4Ttl, &i32::from(ttl))?;
            }
        }
        IpAddr::V6(_) => {
            setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
            if let Some(six) = six {
                option::set_ipv6_mtu_discover(socket, six)?;
            }
            if let Some(ttl) = probe.ttl {
                setsockopt(socket, sockopt::Ipv6Ttl, &i32::from(ttl))?;
            }
        }
    }
    Ok(())
}
