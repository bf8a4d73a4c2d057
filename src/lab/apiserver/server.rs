//! Starting and stopping the server.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::{self, Gate};
use super::backend::PodBackend;
use super::catalog::Registry;
use super::cluster::Cluster;
use super::reaper::{self, Reaper};
use super::store::{JournalError, Recovered, Store, Window, secret};
use super::token::TokenKey;
use super::user::{User, Users};
use super::{kinds, listener};
use crate::certificate::{Authority, CertificateError, Validity};

/// A bearer token known from the start.
#[derive(Clone)]
pub struct TokenGrant {
    /// The secret.
    pub token: String,
    /// User name, such as `system:node:node-1`.
    pub user: String,
    /// Groups, such as `system:masters`.
    pub groups: Vec<String>,
}

impl std::fmt::Debug for TokenGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenGrant")
            .field("user", &self.user)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

/// Bounds that keep one client from hurting the others.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request body.
    pub body_bytes: usize,
    /// Events kept per resource for watches to resume from.
    pub history_events: usize,
    /// Bytes of events kept per resource.
    pub history_bytes: usize,
    /// Connections served at once.
    pub connections: usize,
    /// Time for a TLS handshake, and for connections to close at shutdown.
    pub handshake: Duration,
    /// Time a connection may take for the headers of a request, or do nothing between requests.
    pub idle: Duration,
    /// How long the client of a watch may leave a line unread.
    pub stalled: Duration,
    /// How often a watch that asked for bookmarks gets one.
    pub bookmark_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 3 << 20,
            history_events: 2048,
            history_bytes: 16 << 20,
            connections: 4096,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            stalled: Duration::from_secs(120),
            bookmark_every: Duration::from_secs(60),
        }
    }
}

/// Everything a server needs to start.
pub struct ApiServerOptions {
    /// Bound sockets, possibly of different network namespaces.
    pub listeners: Vec<TcpListener>,
    /// Signs the server's certificate and checks client certificates.
    pub authority: Arc<Authority>,
    /// Names and addresses clients reach the server by.
    pub server_names: Vec<String>,
    /// Bearer tokens known from the start.
    pub tokens: Vec<TokenGrant>,
    /// Runs commands in pods and reads logs.
    pub pods: Arc<dyn PodBackend>,
    /// Bounds.
    pub limits: Limits,
    /// Directory for objects and the key of tokens, so that a server started again goes on; none keeps them in memory.
    pub state: Option<PathBuf>,
    /// Stops the server.
    pub shutdown: CancellationToken,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No certificate for the server.
    #[error("cannot make the API server's certificate")]
    Certificate(#[source] CertificateError),
    /// The TLS library refused the configuration.
    #[error("cannot set up TLS for the API server")]
    Tls(#[source] rustls::Error),
    /// The TLS library refused the authority for client certificates.
    #[error("cannot check client certificates")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
    /// The objects of an earlier run cannot be used.
    #[error("cannot take over the objects of an earlier run")]
    State(#[from] JournalError),
    /// A listening socket cannot be used.
    #[error("cannot listen for the API server")]
    Listen(#[source] std::io::Error),
}

/// A running API server.
pub struct ApiServer {
    cluster: Arc<Cluster>,
    addresses: Vec<SocketAddr>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Starts serving on the given listeners; returns once every listener accepts connections.
    ///
    /// `/readyz` answers 200 from then on. The namespaces `default`, `kube-system`, `kube-public` and `kube-node-lease` exist.
    pub async fn start(options: ApiServerOptions) -> Result<Self, StartError> {
        let certificate = options
            .authority
            .server(&options.server_names, Validity::Always)
            .map_err(StartError::Certificate)?;
        let tls = listener::acceptor(&options.authority, &certificate)?;
        let tokens = options
            .tokens
            .into_iter()
            .map(|grant| (grant.token, User::new(&grant.user, grant.groups)));
        let window =
            Window { events: options.limits.history_events, bytes: options.limits.history_bytes };
        let (store, key, recovered) = match &options.state {
            None => (Store::new(window), TokenKey::random(), Recovered::default()),
            Some(dir) => {
                let key = secret(&dir.join("token.key"), TokenKey::random)?;
                let (store, recovered) = Store::open(window, &dir.join("objects"))?;
                (store, key, recovered)
            }
        };
        let cluster = Arc::new(Cluster {
            store: Arc::new(store),
            registry: Registry::new(),
            gate: Gate::default(),
            users: Users::new(tokens, TokenKey::new(key)),
            pods: options.pods,
            limits: options.limits,
            authority_pem: options.authority.certificate_pem().to_owned(),
            reaper: Reaper::default(),
            shutdown: options.shutdown,
            evictions: Mutex::default(),
        });
        restore(&cluster, recovered);
        for name in kinds::BOOTSTRAP {
            kinds::bootstrap_namespace(&cluster, name);
        }
        access::install(&cluster);
        let tasks = TaskTracker::new();
        tasks.spawn(reaper::collect_garbage(Arc::clone(&cluster)));
        tasks.spawn(reaper::empty_terminating(Arc::clone(&cluster)));
        let slots = Arc::new(Semaphore::new(cluster.limits.connections));
        let mut addresses = Vec::new();
        for socket in options.listeners {
            socket.set_nonblocking(true).map_err(StartError::Listen)?;
            let socket = tokio::net::TcpListener::from_std(socket).map_err(StartError::Listen)?;
            addresses.push(socket.local_addr().map_err(StartError::Listen)?);
            tasks.spawn(listener::accept(
                Arc::clone(&cluster),
                socket,
                tls.clone(),
                Arc::clone(&slots),
                tasks.clone(),
            ));
        }
        tasks.close();
        Ok(Self { cluster, addresses, tasks })
    }

    /// Returns the addresses the server listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Makes a token for a service account, which need not exist yet; it is good for as long as the server runs.
    pub fn service_account_token(&self, namespace: &str, name: &str) -> String {
        self.cluster.lasting_token(namespace, name)
    }

    /// Stops accepting, ends watches and streams, and waits for the connections to close.
    pub async fn stop(self) {
        self.cluster.shutdown.cancel();
        self.tasks.wait().await;
    }
}

/// Takes over the objects of an earlier run; definitions first, as they say which other objects there can be.
fn restore(cluster: &Cluster, mut recovered: Recovered) {
    let definitions = "customresourcedefinitions.apiextensions.k8s.io";
    let first = recovered.objects.remove_entry(definitions);
    for (id, objects) in first.into_iter().chain(recovered.objects) {
        for (key, value) in objects {
            if id == definitions {
                kinds::serve_definition(cluster, &value);
            }
            // Instances of a definition that went are of no use to anybody.
            if let Some(resource) = cluster.registry.catalog().by_id(&id) {
                cluster.store.restore(resource, key, value);
            }
        }
    }
    cluster.reaper.wake();
}
