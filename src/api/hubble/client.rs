//! Asking any server of the Hubble API for flows.

use std::io;

use tokio::net::{TcpStream, UnixStream};
use tonic::{Code, Status, Streaming};

use super::{channel, newer::forget_unknown};
use crate::{
    flows::{Request, Window},
    hubble::observer::{GetFlowsRequest, GetFlowsResponse, observer_client::ObserverClient},
};

/// A server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// TLS is asked for.
    #[error("{address} asks for TLS, which skep does not speak yet")]
    Tls {
        /// The address.
        address: String,
    },
    /// Not an address.
    #[error("{address:?} is not HOST:PORT nor unix:PATH")]
    Address {
        /// What was given.
        address: String,
    },
    /// Nobody answers.
    #[error("cannot reach the Hubble server at {address}")]
    Connect {
        /// The address.
        address: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The server refused, or the connection broke.
    #[error("the Hubble server at {address} cannot answer: {reason} ({code:?})")]
    Refused {
        /// The address.
        address: String,
        /// What it said.
        reason: String,
        /// gRPC's code.
        code: Code,
    },
}

/// A stream of flows of a server.
#[derive(Debug)]
pub struct ServerFlows {
    address: String,
    stream: Streaming<GetFlowsResponse>,
}

/// Asks a server for flows: `HOST:PORT`, or `unix:PATH`.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn flows(address: &str, request: &Request) -> Result<ServerFlows, ServerError> {
    let failed = |source| ServerError::Connect { address: address.to_owned(), source };
    // The first connection is made here, so that its error is the kernel's own words.
    let channel = match Place::parse(address)? {
        Place::Unix(path) => {
            UnixStream::connect(&path).await.map_err(failed)?;
            channel(move || UnixStream::connect(path.clone()))
        }
        Place::Tcp(host) => {
            TcpStream::connect(&host).await.map_err(failed)?;
            channel(move || TcpStream::connect(host.clone()))
        }
    };
    let answer = ObserverClient::new(channel).get_flows(question(request)).await;
    let stream = answer.map_err(|status| refused(address, &status))?.into_inner();
    Ok(ServerFlows { address: address.to_owned(), stream })
}

impl ServerFlows {
    /// Returns the next message; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks, or the server ends.
    pub async fn next(&mut self) -> Result<Option<GetFlowsResponse>, ServerError> {
        let message = self.stream.message().await;
        let message = message.map_err(|status| refused(&self.address, &status))?;
        Ok(message.map(|mut message| {
            forget_unknown(&mut message);
            message
        }))
    }
}

/// Where a server is.
pub(super) enum Place {
    Unix(String),
    Tcp(String),
}

impl Place {
    pub(super) fn parse(address: &str) -> Result<Self, ServerError> {
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(Self::Unix(path.strip_prefix("//").unwrap_or(path).to_owned()));
        }
        if address.starts_with("tls:") || address.starts_with("https:") {
            return Err(ServerError::Tls { address: address.to_owned() });
        }
        let is_host = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        if address.rsplit_once(':').is_some_and(is_host) && !address.contains('/') {
            return Ok(Self::Tcp(address.to_owned()));
        }
        Err(ServerError::Address { address: address.to_owned() })
    }
}

/// A number is always said: servers differ in what none means.
fn question(request: &Request) -> GetFlowsRequest {
    let (number, first) = match request.window {
        Some(Window::First(count)) => (count as u64, true),
        Some(Window::Last(count)) => (count as u64, false),
        None => (u64::MAX, false),
    };
    GetFlowsRequest {
        number,
        first,
        follow: request.follow,
        since: request.since.map(Into::into),
        until: request.until.map(Into::into),
        whitelist: request.allow.clone(),
        blacklist: request.deny.clone(),
        ..GetFlowsRequest::default()
    }
}

fn refused(address: &str, status: &Status) -> ServerError {
    let reason = status.message().to_owned();
    ServerError::Refused { address: address.to_owned(), reason, code: status.code() }
}
