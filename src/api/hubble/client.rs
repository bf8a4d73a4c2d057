//! Asking any server of the Hubble API for flows.

use std::{fmt, io};

use tonic::{
    Code, Status, Streaming,
    metadata::{Ascii, MetadataValue},
};

use super::{channel, newer::forget_unknown, place::Place, tls::TlsError, trust::Trust};
use crate::{
    flows::{Request, Window},
    hubble::observer::{GetFlowsRequest, GetFlowsResponse, observer_client::ObserverClient},
};

/// A server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Certificates or keys are of no use.
    #[error("cannot speak TLS")]
    Tls {
        /// Which, and why.
        #[source]
        source: TlsError,
    },
    /// Not an address.
    #[error("{address:?} is not HOST:PORT, tls://HOST:PORT or unix:PATH")]
    Address {
        /// What was given.
        address: String,
    },
    /// Others could read the token on the way.
    #[error("a token goes to {address} by TLS only")]
    TokenInTheClear {
        /// The address.
        address: String,
    },
    /// Not a token.
    #[error("the token has characters that no token has")]
    Token,
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

impl ServerError {
    /// Tells whether the server does not know who asks.
    pub const fn wants_token(&self) -> bool {
        matches!(self, Self::Refused { code: Code::Unauthenticated, .. })
    }
}

/// A stream of flows of a server.
#[derive(Debug)]
pub struct ServerFlows {
    address: String,
    stream: Streaming<GetFlowsResponse>,
}

/// A server, and how it is reached.
#[derive(Clone, Debug)]
pub struct Server {
    address: String,
    place: Place,
    /// Shown with every question.
    token: Option<Token>,
}

/// A header with a token; told to nobody else.
#[derive(Clone)]
struct Token(MetadataValue<Ascii>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Server {
    /// Reads an address: `HOST:PORT`, `tls://HOST:PORT` or `unix:PATH`. With `trust`, TCP is spoken by TLS. Connects
    /// to nobody yet.
    ///
    /// # Errors
    /// When it is no address, or certificates are of no use.
    pub fn parse(address: &str, trust: Option<&Trust>) -> Result<Self, ServerError> {
        Ok(Self { address: address.to_owned(), place: Place::parse(address, trust)?, token: None })
    }

    /// Shows a token to the server.
    ///
    /// # Errors
    /// When it has characters that no token has, or others could read it on the way.
    pub fn with_token(self, token: &str) -> Result<Self, ServerError> {
        if !self.place.is_private() {
            return Err(ServerError::TokenInTheClear { address: self.address });
        }
        let header = MetadataValue::try_from(format!("Bearer {}", token.trim()));
        let header = header.map_err(|_| ServerError::Token)?;
        Ok(Self { token: Some(Token(header)), ..self })
    }

    /// Returns the address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Asks for flows.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn flows(&self, request: &Request) -> Result<ServerFlows, ServerError> {
        let address = &self.address;
        // The first connection is made here, so that its error is the kernel's own words.
        let failed = |source| ServerError::Connect { address: address.clone(), source };
        self.place.dial().await.map_err(failed)?;
        let place = self.place.clone();
        let channel = channel(move || {
            let place = place.clone();
            async move { place.dial().await }
        });
        let mut question = tonic::Request::new(question(request));
        if let Some(Token(header)) = &self.token {
            question.metadata_mut().insert("authorization", header.clone());
        }
        let answer = ObserverClient::new(channel).get_flows(question).await;
        let stream = answer.map_err(|status| refused(address, &status))?.into_inner();
        Ok(ServerFlows { address: address.clone(), stream })
    }
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
