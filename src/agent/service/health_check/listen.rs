//! One port that load balancers ask.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use nix::sys::socket::{setsockopt, sockopt::Ipv6V6Only};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use super::answer::answer;
use crate::{agent::service::Balancer, maps::MapStore, service::ObjectName};

/// How long a client may take for all that it asks. Load balancers wait for a few seconds themselves.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Connections of one port at a time.
pub(super) const CONNECTIONS: usize = 64;
const BACKLOG: u32 = 128;
/// Pause when the process has no descriptor left for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens at all addresses of the node, of both families, as kube-proxy does.
///
/// # Errors
/// When somebody else has the port.
pub(super) fn bind(port: NonZeroU16) -> io::Result<TcpListener> {
    let everywhere = |address| SocketAddr::new(address, port.get());
    let v6 = TcpSocket::new_v6().and_then(|socket| {
        // The default is a sysctl of the node.
        setsockopt(&socket, Ipv6V6Only, &false)?;
        listen(socket, everywhere(Ipv6Addr::UNSPECIFIED.into()))
    });
    match v6 {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            listen(TcpSocket::new_v4()?, everywhere(Ipv4Addr::UNSPECIFIED.into()))
        }
        other => other,
    }
}

fn listen(socket: TcpSocket, address: SocketAddr) -> io::Result<TcpListener> {
    // Connections of an earlier agent do not keep this one from its ports.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers for whichever service has the port, for ever. Drop the future to stop, and its connections with
/// it.
///
/// When there are too many connections, the oldest goes: what load balancers ask is answered at once, so it
/// is somebody who keeps them out.
pub(super) async fn serve<M: MapStore + 'static>(
    listener: TcpListener,
    service: watch::Receiver<ObjectName>,
    balancer: Arc<Balancer<M>>,
) {
    let mut connections: VecDeque<AbortOnDropHandle<_>> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.retain(|one| !one.is_finished());
                if connections.len() >= CONNECTIONS {
                    connections.pop_front();
                }
                let (service, balancer) = (service.clone(), Arc::clone(&balancer));
                let answered = timeout(PATIENCE, connection(stream, service, balancer));
                connections.push_back(AbortOnDropHandle::new(tokio::spawn(answered)));
            }
            Err(error) => {
                debug!(%error, "connection to a health check port not accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one request: what waits for more would count as a connection for nothing.
async fn connection<M: MapStore>(
    stream: TcpStream,
    service: watch::Receiver<ObjectName>,
    balancer: Arc<Balancer<M>>,
) {
    let respond = service_fn(|_| {
        let name = service.borrow().clone();
        let response = answer(balancer.health_check(&name).as_ref());
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    let served = http.keep_alive(false).serve_connection(TokioIo::new(stream), respond).await;
    if let Err(error) = served {
        debug!(%error, "health check not answered");
    }
}
