//! The world's one process.

use std::{
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use nix::unistd::dup2_stdin;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    responder::WorldResponder,
    tls::{self, Certificates},
};
use crate::certificate::{Authority, CertificateError};
use crate::lab::{
    dns::{Responder, ServerError, Servers},
    plan,
    standin::{Whoami, tcp, udp},
    state::{self, LabDir, StateError},
};

/// The world cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The lab's directory is not as it should be.
    #[error("cannot use the lab's directory")]
    State(#[from] StateError),
    /// The authority could not be made.
    #[error("cannot make the world's certificate authority")]
    Certificate(#[from] CertificateError),
    /// A port is taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The port of names is taken.
    #[error(transparent)]
    Names(#[from] ServerError),
    /// Standard input cannot be closed.
    #[error("cannot tell that it listens")]
    Signal(#[source] io::Error),
}

/// Serves the world of a lab until shutdown, from inside its namespace. Whoever started it learns
/// by the end of its standard input that everything listens and the authority's certificate is
/// in its file.
///
/// # Errors
/// When a part cannot start.
pub async fn serve(dir: LabDir, shutdown: CancellationToken) -> Result<(), WorldError> {
    let record = dir.record()?;
    let families = record.spec.ip_family;
    let whoami = Arc::new(Whoami { pod: "world".into(), ..Whoami::default() });
    // Kept, so that pods trust the servers that are started after others have died.
    let key = dir.world().join("authority.key");
    let authority = Authority::kept(&format!("skep-lab-{}-world", dir.name()), &key)?;
    state::write_public(&dir.world_authority(), authority.certificate_pem().as_bytes())?;
    let certificates = Arc::new(Certificates::new(authority));
    let mut servers = JoinSet::new();
    servers.spawn(tcp::serve(Arc::clone(&whoami), listen(plan::WORLD_HTTP).await?));
    servers.spawn(tcp::serve(Arc::clone(&whoami), listen(plan::WORLD_ECHO).await?));
    servers.spawn(tls::serve(whoami, certificates, listen(plan::WORLD_HTTPS).await?));
    for network in plan::of(families, plan::WORLD) {
        // Named, for an answer from any address of the namespace might leave with another source.
        let address = SocketAddr::new(plan::world_server(network), plan::WORLD_ECHO);
        let socket = UdpSocket::bind(address).await;
        servers.spawn(udp::echo(socket.map_err(|source| WorldError::Listen { address, source })?));
    }
    let responder: Arc<dyn Responder> = Arc::new(WorldResponder::new(dir));
    let mut names = Servers::default();
    let has = |ip: &IpAddr| families.has(plan::family(&ipnet::IpNet::from(*ip)));
    for address in plan::world_resolvers().filter(has) {
        names.serve(&responder, SocketAddr::new(address, plan::WORLD_DNS)).await?;
    }
    let nothing = File::open("/dev/null").map_err(WorldError::Signal)?;
    dup2_stdin(nothing).map_err(|error| WorldError::Signal(error.into()))?;
    shutdown.cancelled().await;
    servers.shutdown().await;
    Ok(())
}

/// Listens on every address of the namespace: whole networks are its own.
async fn listen(port: u16) -> Result<TcpListener, WorldError> {
    let any = |ip: IpAddr| async move {
        let address = SocketAddr::new(ip, port);
        let listener = TcpListener::bind(address).await;
        listener.map_err(|source| WorldError::Listen { address, source })
    };
    // One IPv6 socket serves both families; kernels without IPv6 get an IPv4 one.
    match any(Ipv6Addr::UNSPECIFIED.into()).await {
        Err(WorldError::Listen { source, .. })
            if source.raw_os_error() == Some(libc::EAFNOSUPPORT) =>
        {
            any(Ipv4Addr::UNSPECIFIED.into()).await
        }
        other => other,
    }
}
