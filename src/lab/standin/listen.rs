//! Listening on every declared port.

use std::{
    fmt,
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use nix::unistd::dup2_stdin;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};

use tokio_util::sync::CancellationToken;

use super::{Whoami, tcp, udp};

/// A transport protocol that stand-ins serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, and HTTP on it.
    Tcp,
    /// UDP.
    Udp,
}

/// A port to serve, written `tcp:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

impl FromStr for Listen {
    type Err = StandInError;

    fn from_str(text: &str) -> Result<Self, StandInError> {
        let invalid = || StandInError::Port { text: text.to_owned() };
        let (protocol, port) = text.split_once(':').ok_or_else(invalid)?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(invalid()),
        };
        Ok(Self { protocol, port: port.parse().map_err(|_| invalid())? })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{protocol}:{}", self.port)
    }
}

/// A stand-in cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// Not a port.
    #[error("{text:?} is not a port such as tcp:80 or udp:53")]
    Port {
        /// What was given.
        text: String,
    },
    /// A port is taken, or its address is not there.
    #[error("cannot listen on {address} ({listen})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Protocol and port.
        listen: Listen,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Standard input cannot be closed.
    #[error("cannot tell that it listens")]
    Signal(#[source] io::Error),
}

/// Serves until shutdown. Whoever started it learns by the end of its standard input that it
/// listens.
///
/// With no addresses, every address of the namespace is served. A server with several addresses
/// of one family names them, for otherwise UDP answers might leave with another source.
///
/// # Errors
/// When a port cannot be listened on.
pub async fn serve(
    whoami: Whoami,
    ports: &[Listen],
    addresses: &[IpAddr],
    shutdown: CancellationToken,
) -> Result<(), StandInError> {
    let whoami = Arc::new(whoami);
    let mut servers = JoinSet::new();
    for port in ports {
        match addresses {
            [] => start_everywhere(&mut servers, &whoami, *port).await?,
            _ => {
                for address in addresses {
                    start(&mut servers, &whoami, *port, *address).await?;
                }
            }
        }
    }
    let nothing = File::open("/dev/null").map_err(StandInError::Signal)?;
    dup2_stdin(nothing).map_err(|error| StandInError::Signal(error.into()))?;
    // Without ports there is nothing to join, and a container still runs.
    shutdown.cancelled().await;
    servers.shutdown().await;
    Ok(())
}

/// One IPv6 socket serves both families; kernels without IPv6 get an IPv4 one.
async fn start_everywhere(
    servers: &mut JoinSet<()>,
    whoami: &Arc<Whoami>,
    port: Listen,
) -> Result<(), StandInError> {
    match start(servers, whoami, port, Ipv6Addr::UNSPECIFIED.into()).await {
        Err(StandInError::Listen { source, .. })
            if source.raw_os_error() == Some(libc::EAFNOSUPPORT) =>
        {
            start(servers, whoami, port, Ipv4Addr::UNSPECIFIED.into()).await
        }
        other => other,
    }
}

async fn start(
    servers: &mut JoinSet<()>,
    whoami: &Arc<Whoami>,
    listen: Listen,
    address: IpAddr,
) -> Result<(), StandInError> {
    let address = SocketAddr::new(address, listen.port);
    let failed = |source| StandInError::Listen { address, listen, source };
    match listen.protocol {
        Protocol::Tcp => {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            servers.spawn(tcp::serve(Arc::clone(whoami), listener));
        }
        Protocol::Udp => {
            let socket = UdpSocket::bind(address).await.map_err(failed)?;
            servers.spawn(udp::echo(socket));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_and_written_alike() {
        let port: Listen = "udp:53".parse().unwrap();
        assert_eq!(port, Listen { protocol: Protocol::Udp, port: 53 });
        assert_eq!(port.to_string(), "udp:53");
        for text in ["80", "sctp:9", "tcp:70000", "tcp:"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
