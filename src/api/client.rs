//! The admin API's client.

use std::{
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::{
    ConnectionFilter, Flushed, List, Listed, ServiceExplanation, ServiceQuestion,
    events::EventParameters,
    flows::{Parameters, Problem},
};
use crate::{
    flows::{EventFilter, Monitored, Request},
    hubble::observer::GetFlowsResponse,
};

/// Longest line of a stream; flows are a few kilobytes.
const MAX_LINE: usize = 1 << 20;

/// The agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("cannot reach the skep agent at {path}")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the skep agent broke")]
    Broken(#[source] hyper::Error),
    /// The agent refused.
    #[error("the skep agent cannot answer: {reason}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// The answer makes no sense.
    #[error("the skep agent gave an answer that this version does not understand")]
    Malformed(#[source] serde_json::Error),
    /// A line without end.
    #[error("the skep agent sent a line of more than {MAX_LINE} bytes")]
    TooLong,
    /// The question cannot be written down.
    #[error("cannot encode the question")]
    Encode(#[source] serde_json::Error),
}

/// A connection to the agent of this node.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
}

impl Client {
    /// Connects to the agent's socket.
    ///
    /// # Errors
    /// When nobody serves it, or it may not be opened.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|source| ClientError::Connect { path: path.to_owned(), source })?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
        // Ends when the sender is dropped; its errors come back through the sender.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Returns a list of one kind.
    ///
    /// # Errors
    /// When the agent cannot be asked, or cannot answer.
    pub async fn list<T: Listed>(&mut self) -> Result<List<T>, ClientError> {
        self.list_at(T::PATH).await
    }

    /// Asks what becomes of a client's connections to a service.
    ///
    /// # Errors
    /// When the agent cannot be asked, or cannot answer.
    pub async fn explain_service(
        &mut self,
        question: &ServiceQuestion,
    ) -> Result<List<ServiceExplanation>, ClientError> {
        self.list_at(&format!("{}?{}", ServiceExplanation::PATH, query(question))).await
    }

    /// Has the agent forget connections.
    ///
    /// # Errors
    /// When the agent cannot be asked, or cannot do it; some may be gone then.
    pub async fn flush(&mut self, filter: &ConnectionFilter) -> Result<List<Flushed>, ClientError> {
        let path = format!("{}?{}", Flushed::PATH, query(filter));
        let response = self.send(Method::POST, &path).await?;
        read(response).await
    }

    async fn list_at<T: Listed>(&mut self, path: &str) -> Result<List<T>, ClientError> {
        read(self.send(Method::GET, path).await?).await
    }

    /// Starts a stream of flows. The connection serves nothing else afterwards.
    ///
    /// # Errors
    /// When the agent cannot be asked, or refuses.
    pub async fn flows(mut self, request: &Request) -> Result<FlowLines, ClientError> {
        let parameters = Parameters::of(request).map_err(ClientError::Encode)?;
        let query = query(&parameters);
        let response = self.send(Method::GET, &format!("/v1/flows?{query}")).await?;
        Ok(JsonLines::new(self, response.into_body()))
    }

    /// Starts a stream of raw events. The connection serves nothing else afterwards.
    ///
    /// # Errors
    /// When the agent cannot be asked, or refuses.
    pub async fn events(mut self, filter: &EventFilter) -> Result<EventLines, ClientError> {
        let parameters = EventParameters::of(filter).map_err(ClientError::Encode)?;
        let query = query(&parameters);
        let response = self.send(Method::GET, &format!("/v1/events?{query}")).await?;
        Ok(JsonLines::new(self, response.into_body()))
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "agent")
            .body(Empty::new())
            .expect("paths are constants and escaped queries");
        let response = self.sender.send_request(request).await.map_err(ClientError::Broken)?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await.map_err(ClientError::Broken)?.to_bytes();
        let reason = serde_json::from_slice::<Problem>(&body)
            .map_or_else(|_| status.to_string(), |problem| problem.error.join(": "));
        Err(ClientError::Refused { status: status.as_u16(), reason })
    }
}

async fn read<T: Listed>(response: Response<Incoming>) -> Result<List<T>, ClientError> {
    let body = response.into_body().collect().await.map_err(ClientError::Broken)?;
    serde_json::from_slice(&body.to_bytes()).map_err(ClientError::Malformed)
}

/// A stream of flows and losses.
pub type FlowLines = JsonLines<GetFlowsResponse>;

/// A stream of raw events and losses.
pub type EventLines = JsonLines<Monitored>;

/// An answer that comes line by line.
#[derive(Debug)]
pub struct JsonLines<T> {
    _client: Client,
    body: Incoming,
    buffer: BytesMut,
    kind: PhantomData<T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    fn new(client: Client, body: Incoming) -> Self {
        Self { _client: client, body, buffer: BytesMut::new(), kind: PhantomData }
    }

    /// Returns the next object; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks or a line makes no sense.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return serde_json::from_slice(&line).map(Some).map_err(ClientError::Malformed);
            }
            if self.buffer.len() > MAX_LINE {
                return Err(ClientError::TooLong);
            }
            match self.body.frame().await {
                Some(frame) => {
                    let frame = frame.map_err(ClientError::Broken)?;
                    self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                }
                None => return Ok(None),
            }
        }
    }
}

/// Writes `application/x-www-form-urlencoded`.
fn query(parameters: &impl Serialize) -> String {
    let value = serde_json::to_value(parameters).expect("parameters are plain");
    let members = value.as_object().into_iter().flatten();
    let pairs = members.map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{key}={}", percent(&text))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn percent(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
