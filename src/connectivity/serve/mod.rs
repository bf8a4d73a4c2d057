//! The server: gives bytes back as they came, over TCP and UDP, and tells who asks by
//! HTTP, or by a datagram or an SCTP message of the same form, who it is and whom it saw.

mod answer;
mod sctp;
mod tcp;
mod udp;

use std::{io, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr, sync::Arc};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn6, bind, listen,
    setsockopt, socket, sockopt,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::kubernetes::chain;

/// The port that the test's servers listen on, TCP and UDP, in pods and on nodes: outside the
/// ranges of node ports and of ephemeral ports, and nobody's by IANA.
pub const PORT: u16 = 24_240;

/// The port of a node that leads to a pod of the test, TCP and UDP: not the one after [`PORT`], which
/// must be closed everywhere, and nobody's for the same reasons.
pub const HOST_PORT: u16 = 24_245;

/// The server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {protocol} port {port}")]
pub struct ServeError {
    protocol: &'static str,
    port: u16,
    #[source]
    source: io::Error,
}

/// Serves a TCP and a UDP port, in every family the kernel has, until `shutdown`; and that of SCTP,
/// if wanted: who may not have raw sockets has none, which is logged, and serves the rest.
///
/// # Errors
/// When the port is taken.
pub async fn serve(
    name: &str,
    port: u16,
    with_sctp: bool,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let failed = |protocol| move |source| ServeError { protocol, port, source };
    let name: Arc<str> = name.into();
    let mut listeners = Vec::new();
    for listener in [tcp_v4(port), tcp_v6(port)] {
        listeners.extend(present(listener).map_err(failed("TCP"))?);
    }
    let sockets = [udp::open_v4(port), udp::open_v6(port)];
    let mut datagrams = Vec::new();
    for socket in sockets {
        datagrams.extend(present(socket).map_err(failed("UDP"))?);
    }
    for socket in datagrams {
        let name = Arc::clone(&name);
        tokio::spawn(async move { udp::serve(&name, socket).await });
    }
    if with_sctp {
        for opened in [sctp::open_v4(), sctp::open_v6()] {
            match present(opened).map_err(failed("SCTP")) {
                Ok(socket) => {
                    let name = Arc::clone(&name);
                    socket.map(|one| {
                        tokio::spawn(async move { sctp::serve(&name, port, one).await })
                    });
                }
                Err(error) => warn!(error = chain(&error), "no SCTP"),
            }
        }
    }
    for listener in listeners {
        tokio::spawn(tcp::serve(Arc::clone(&name), listener));
    }
    // The tasks end with the runtime; they hold nothing that must be put back.
    shutdown.cancelled().await;
    Ok(())
}

/// A family that the kernel lacks is no error.
fn present<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => Ok(None),
        // IPv6 is compiled in and switched off.
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(None),
        Err(error) => Err(error),
    }
}

fn tcp_v4(port: u16) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn tcp_v6(port: u16) -> io::Result<TcpListener> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener = socket(AddressFamily::Inet6, SockType::Stream, flags, SockProtocol::Tcp)?;
    // IPv4 has a socket of its own.
    setsockopt(&listener, sockopt::Ipv6V6Only, &true)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    let address = std::net::SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    bind(std::os::fd::AsRawFd::as_raw_fd(&listener), &SockaddrIn6::from(address))?;
    listen(&listener, Backlog::new(128)?)?;
    TcpListener::from_std(listener.into())
}
