//! The role: watching the cluster, and answering.

use std::{
    fs, io,
    net::{Ipv6Addr, SocketAddr},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::future::BoxFuture;
use k8s_openapi::api::{
    core::v1::{Namespace, Service},
    discovery::v1::EndpointSlice,
};
use kube::{Api, Client};
use tokio::{net::TcpListener, sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    index::Index,
    zone::{ClusterZone, Knowledge},
};
use crate::{
    kubernetes::{self, ClientError},
    lab::{
        cluster::{Cache, Cached},
        dns::{
            Answer, Kind, Outcome, Query, Reply, Responder, ServerError, Servers,
            forward::Upstream,
            objects::{DOMAIN, PORT, READY_PORT},
            server::Transport,
        },
    },
};

/// Where a pod finds its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How long changes are collected before the zone is made anew.
const GATHER: Duration = Duration::from_millis(10);

/// The cluster's DNS server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterDnsError {
    /// There is no way to the API server.
    #[error("cannot watch the cluster")]
    Client(#[from] ClientError),
    /// The node's resolv.conf cannot be read.
    #[error("cannot read {RESOLV_CONF}")]
    Upstream(#[source] io::Error),
    /// The port is taken.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The port for probes is taken.
    #[error("cannot listen on port {READY_PORT} for probes")]
    Ready(#[source] io::Error),
}

/// Serves the cluster's DNS until shutdown, from inside a pod with a service account.
///
/// # Errors
/// When there is no API server to watch or no port to serve on.
pub async fn serve(shutdown: CancellationToken) -> Result<(), ClusterDnsError> {
    let upstream = upstream(Path::new(RESOLV_CONF))?;
    let client = kubernetes::connect(None).await?;
    let watched = Watched::start(client, &shutdown).await;
    let cluster = Arc::new(Responding { zone: RwLock::new(watched.zone(1)), upstream });
    let responder: Arc<dyn Responder> = Arc::clone(&cluster) as _;
    let mut servers = Servers::default();
    servers.serve_everywhere(&responder, PORT).await?;
    // Open only now: readiness probes find out that names can be asked for.
    let ready = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), READY_PORT);
    let ready = TcpListener::bind(ready).await.map_err(ClusterDnsError::Ready)?;
    let app = axum::Router::new().fallback(|| async { "OK\n" });
    info!(domain = DOMAIN, "serving names");
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = watched.follow(&cluster) => {}
        _ = axum::serve(ready, app) => {}
    }
    drop(servers);
    Ok(())
}

/// Reads whom to ask for names outside the cluster: a machine without the file has nobody.
fn upstream(file: &Path) -> Result<Upstream, ClusterDnsError> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            warn!(file = %file.display(), "no such file: names outside the cluster are not answered");
            String::new()
        }
        text => text.map_err(ClusterDnsError::Upstream)?,
    };
    Ok(Upstream::from_resolv_conf(&text))
}

/// What the zone is made of.
struct Watched {
    changes: watch::Sender<u64>,
    namespaces: Arc<Cache<Namespace>>,
    services: Arc<Cache<Service>>,
    slices: Arc<Cache<EndpointSlice>>,
}

impl Watched {
    async fn start(client: Client, shutdown: &CancellationToken) -> Self {
        let changes = watch::Sender::new(0);
        let namespaces = cache(&client, &changes, shutdown);
        let services = cache(&client, &changes, shutdown);
        let slices = cache(&client, &changes, shutdown);
        let watched = Self { changes, namespaces, services, slices };
        tokio::join!(watched.namespaces.ready(), watched.services.ready(), watched.slices.ready());
        watched
    }

    fn zone(&self, serial: u32) -> Arc<ClusterZone> {
        let index = Index::of(&self.namespaces.all(), &self.services.all(), &self.slices.all());
        Arc::new(ClusterZone::new(DOMAIN, serial, index))
    }

    async fn follow(&self, cluster: &Responding) {
        let mut changes = self.changes.subscribe();
        let mut serial = 1;
        loop {
            serial += 1;
            let zone = self.zone(serial);
            *cluster.zone.write().unwrap_or_else(PoisonError::into_inner) = zone;
            if changes.changed().await.is_err() {
                return;
            }
            sleep(GATHER).await;
            changes.mark_unchanged();
        }
    }
}

fn cache<K: Cached>(
    client: &Client,
    changes: &watch::Sender<u64>,
    shutdown: &CancellationToken,
) -> Arc<Cache<K>> {
    Cache::start(Api::all(client.clone()), changes.clone(), shutdown.clone())
}

struct Responding {
    zone: RwLock<Arc<ClusterZone>>,
    upstream: Upstream,
}

impl Responding {
    fn zone(&self) -> Arc<ClusterZone> {
        Arc::clone(&self.zone.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn resolve(&self, query: &Query, transport: Transport) -> Reply {
        match self.zone().look_up(&query.name, query.kind) {
            Knowledge::Answer(answer) => answer.into(),
            Knowledge::Elsewhere => self.upstream.pass(query, transport).await,
            Knowledge::Alias(alias, target) => {
                let mut answer = self.target(&target, query.kind).await;
                answer.authoritative = true;
                answer.records.insert(0, alias);
                answer.into()
            }
        }
    }

    /// Looks up what an alias stands for. That it cannot be found is the target's fault only.
    async fn target(&self, name: &str, kind: Kind) -> Answer {
        let found = self.upstream.look_up(name, kind).await;
        match found.outcome {
            Outcome::Failed => Answer::empty(Outcome::Failed),
            _ => found,
        }
    }
}

impl Responder for Responding {
    fn respond<'a>(&'a self, query: &'a Query, transport: Transport) -> BoxFuture<'a, Reply> {
        Box::pin(self.resolve(query, transport))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_resolv_conf_has_nobody_to_ask() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(upstream(&dir.path().join("resolv.conf")).is_ok(), "missing");
        assert!(upstream(dir.path()).is_err(), "a directory is no such file");
    }
}
