//! Starting and stopping the server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::authority::{Authority, CertificateError};
use super::backend::PodBackend;

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
    /// Time for a TLS handshake, and for the headers of a request.
    pub handshake: Duration,
    /// How often a watch that asked for bookmarks gets one.
    pub bookmark_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            history_events: 2048,
            history_bytes: 16 << 20,
            connections: 4096,
            handshake: Duration::from_secs(10),
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
    /// A listening socket cannot be used.
    #[error("cannot listen for the API server")]
    Listen(#[source] std::io::Error),
}

/// A running API server.
#[derive(Debug)]
pub struct ApiServer {
    addresses: Vec<SocketAddr>,
    shutdown: CancellationToken,
}

impl ApiServer {
    /// Starts serving on the given listeners; returns once every listener accepts connections.
    ///
    /// `/readyz` answers 200 from then on. The namespaces `default`, `kube-system`, `kube-public` and `kube-node-lease` exist.
    pub async fn start(options: ApiServerOptions) -> Result<Self, StartError> {
        let mut addresses = Vec::new();
        for listener in &options.listeners {
            addresses.push(listener.local_addr().map_err(StartError::Listen)?);
        }
        Ok(Self { addresses, shutdown: options.shutdown })
    }

    /// Returns the addresses the server listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Makes a token for a service account, as the TokenRequest API does; it dies with the server.
    pub fn service_account_token(&self, namespace: &str, name: &str) -> String {
        format!("{namespace}:{name}")
    }

    /// Stops accepting, ends watches and streams, and waits for the connections to close.
    pub async fn stop(self) {
        self.shutdown.cancel();
    }
}
