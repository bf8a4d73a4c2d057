//! Sends log records to a collector.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::{self, Debug},
    fs, io, iter,
    path::{Path, PathBuf},
    time::Duration,
};

use tonic::{
    Request, Status,
    metadata::{MetadataKey, MetadataMap, MetadataValue},
    transport::{Channel, Uri},
};

use super::{
    logs::{
        ExportRequest, LogRecord, Resource, ResourceLogs, Scope, ScopeLogs,
        logs_service_client::LogsServiceClient,
    },
    retry,
};
use crate::api::hubble::{Trust, channel_to, connect};

/// Where log records go.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// `https://HOST:PORT`, or `http://HOST:PORT` in the clear.
    endpoint: String,
    /// Sent with every request; may hold secrets.
    headers: BTreeMap<String, String>,
    timeout: Duration,
    /// None for `http://`.
    tls: Option<Tls>,
}

/// Whom a client believes, and as whom it speaks. Files are read for each connection, so they may be renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tls {
    /// Authorities, as PEM; none means those of this machine.
    pub authorities: Option<PathBuf>,
    /// The client's own certificate and its key, as PEM.
    pub own: Option<(PathBuf, PathBuf)>,
    /// The name that the server's certificate must be for, if it is not the one in the endpoint.
    pub name: Option<String>,
    /// Believe whoever answers.
    pub anyone: bool,
}

/// Nobody can be reached that way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not such an address.
    #[error(
        "endpoint {0:?} is not http://HOST:PORT or https://HOST:PORT; the port is usually 4317"
    )]
    Endpoint(String),
    /// TLS for what is in the clear.
    #[error("endpoint {0:?} is in the clear, so tls says nothing; write https://")]
    Clear(String),
    /// A header that gRPC does not carry.
    #[error("header {0:?} has a name or a value that gRPC cannot send")]
    Header(String),
}

/// Headers are nothing for logs.
impl Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.endpoint).finish()
    }
}

impl Target {
    /// Checks an address and what goes with it.
    ///
    /// # Errors
    /// When nobody could be reached that way.
    pub fn new(
        endpoint: String,
        headers: BTreeMap<String, String>,
        timeout: Duration,
        tls: Option<Tls>,
    ) -> Result<Self, InvalidEndpoint> {
        let uri: Option<Uri> = endpoint.parse().ok();
        let parts = uri.as_ref().and_then(|uri| {
            let has_port = uri.port_u16().is_some_and(|port| port > 0);
            let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
            uri.scheme_str().filter(|_| has_port && is_bare)
        });
        let tls = match (parts, tls) {
            (Some("https"), tls) => Some(tls.unwrap_or_default()),
            (Some("http"), None) => None,
            (Some("http"), Some(_)) => return Err(InvalidEndpoint::Clear(endpoint)),
            _ => return Err(InvalidEndpoint::Endpoint(endpoint)),
        };
        let target = Self { endpoint, headers, timeout, tls };
        target.metadata()?;
        Ok(target)
    }

    /// Returns `HOST:PORT`.
    fn address(&self) -> &str {
        let rest = self.endpoint.split_once("://").map_or(&*self.endpoint, |(_, rest)| rest);
        rest.trim_end_matches('/')
    }

    fn metadata(&self) -> Result<MetadataMap, InvalidEndpoint> {
        let mut metadata = MetadataMap::new();
        for (name, value) in &self.headers {
            let wrong = || InvalidEndpoint::Header(name.clone());
            let key = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes());
            let value = MetadataValue::try_from(value.as_str()).map_err(|_| wrong())?;
            metadata.insert(key.map_err(|_| wrong())?, value);
        }
        Ok(metadata)
    }
}

impl Tls {
    fn trust(&self) -> io::Result<Trust> {
        let read = |path: &Path| {
            fs::read(path).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot read {}: {e}", path.display()))
            })
        };
        Ok(Trust {
            authorities: self.authorities.as_deref().map(read).transpose()?.unwrap_or_default(),
            own: match &self.own {
                Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
                None => None,
            },
            name: self.name.clone(),
            anyone: self.anyone,
        })
    }
}

/// Records were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It may go well another time.
    #[error("{reason}")]
    Later {
        /// Why.
        reason: String,
        /// How long the server wants to be left alone, if it says so.
        after: Option<Duration>,
    },
    /// It will not.
    #[error("{0}")]
    Never(String),
}

/// A collector that records are sent to.
pub struct Collector {
    client: LogsServiceClient<Channel>,
    metadata: MetadataMap,
    timeout: Duration,
    resource: Resource,
}

impl Collector {
    /// Gets ready; the first request connects. `resource` is who tells.
    pub fn new(target: &Target, resource: Resource) -> Self {
        let (address, tls) = (target.address().to_owned(), target.tls.clone());
        let uri = target.endpoint.parse().expect("it was checked");
        let channel = channel_to(&uri, move || {
            let (address, tls) = (address.clone(), tls.clone());
            async move {
                let trust = tls.as_ref().map(Tls::trust).transpose()?;
                connect(&address, trust.as_ref()).await
            }
        });
        Self {
            client: LogsServiceClient::new(channel),
            metadata: target.metadata().expect("it was checked"),
            timeout: target.timeout,
            resource,
        }
    }

    /// Sends records, and returns how many the server did not want, with its reason.
    ///
    /// # Errors
    /// When the server does not take them, or is not there.
    pub async fn send(&mut self, log_records: Vec<LogRecord>) -> Result<(u64, String), SendError> {
        let scope = Scope { name: "skep".to_owned(), version: version() };
        let scope_logs =
            vec![ScopeLogs { scope: Some(scope), log_records, schema_url: String::new() }];
        let resource = Some(self.resource.clone());
        let resource_logs = vec![ResourceLogs { resource, scope_logs, schema_url: String::new() }];
        let mut request = Request::new(ExportRequest { resource_logs });
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.timeout);
        // The server keeps the deadline by itself, if it is well.
        let answer = tokio::time::timeout(self.timeout, self.client.export(request)).await;
        let late = || Status::deadline_exceeded(format!("no answer in {:?}", self.timeout));
        match answer.unwrap_or_else(|_| Err(late())) {
            Ok(answer) => {
                let partial = answer.into_inner().partial_success.unwrap_or_default();
                let rejected = u64::try_from(partial.rejected_log_records).unwrap_or_default();
                Ok((rejected, partial.error_message))
            }
            Err(status) if retry::may_pass(status.code()) || is_local(&status) => {
                Err(SendError::Later { reason: chain(&status), after: retry::wanted(&status) })
            }
            Err(status) => Err(SendError::Never(chain(&status))),
        }
    }
}

/// Tells whether the connection failed: what a server says has no cause on this side.
fn is_local(status: &Status) -> bool {
    status.source().is_some()
}

/// Writes a status with its causes.
fn chain(status: &Status) -> String {
    let first = format!("{:?}: {}", status.code(), status.message());
    let causes = iter::successors(status.source(), |cause| (*cause).source());
    let mut parts = vec![first];
    for cause in causes.map(ToString::to_string) {
        if parts.last().is_none_or(|last| !last.ends_with(&cause)) {
            parts.push(cause);
        }
    }
    parts.join(": ")
}

/// Returns the version of skep.
pub(super) fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
