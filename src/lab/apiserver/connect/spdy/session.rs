//! A session: pairs of streams, each pair a connection into the pod.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::frame::{self, Frame};
use super::headers::{Reader, Writer};
use crate::lab::apiserver::connect::ports::Gate;
use crate::lab::apiserver::connect::tunnel::{FromClient, ToClient};

/// Streams that a client may have open at once.
const STREAMS: usize = 1024;
/// Pieces that wait for the pod.
const DEPTH: usize = 64;
/// Largest piece read at once.
const PIECE: usize = 16 * 1024;

/// Why a stream is refused.
const PROTOCOL_ERROR: u32 = 1;
const REFUSED: u32 = 3;

/// Serves a client until it leaves.
pub(crate) async fn serve(gate: Gate, mut from_client: FromClient, to_client: ToClient) {
    let gone = gate.gone.clone();
    let mut session = Session {
        gate: Arc::new(gate),
        to_client,
        reader: Reader::new(),
        writer: Writer::new(),
        streams: HashMap::new(),
        errors: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let mut buffer = BytesMut::new();
    while let Some(Some(Ok(bytes))) = gone.run_until_cancelled(from_client.next()).await {
        buffer.extend_from_slice(&bytes);
        loop {
            match Frame::take(&mut buffer) {
                Ok(Some(frame)) => {
                    if session.handle(frame).await.is_none() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "port-forward ended");
                    return;
                }
            }
        }
        while let Some(ended) = session.tasks.try_join_next() {
            if let Ok(stream) = ended {
                session.streams.remove(&stream);
            }
        }
    }
}

/// The client's side of a data stream.
struct Incoming {
    bytes: Option<mpsc::Sender<Bytes>>,
    /// Dropped when the client gives the stream up.
    _alive: oneshot::Sender<()>,
}

struct Session {
    gate: Arc<Gate>,
    to_client: ToClient,
    reader: Reader,
    writer: Writer,
    streams: HashMap<u32, Incoming>,
    /// Error streams whose data stream is still to come, by the request they belong to.
    errors: HashMap<String, u32>,
    /// Each yields the stream whose connection has ended.
    tasks: JoinSet<u32>,
}

impl Session {
    /// Handles a frame; none when the session is over.
    async fn handle(&mut self, frame: Frame) -> Option<()> {
        match frame {
            Frame::Data { stream, fin, bytes } => {
                if let Some(incoming) = self.streams.get_mut(&stream) {
                    if let Some(sender) = incoming.bytes.as_ref().filter(|_| !bytes.is_empty()) {
                        // A connection that has ended takes nothing more.
                        sender.send(bytes).await.ok();
                    }
                    if fin {
                        incoming.bytes = None;
                    }
                }
            }
            Frame::Open { stream, headers, .. } => {
                let headers = self.reader.read(&headers).ok()?;
                self.open(stream, &headers).await?;
            }
            Frame::Headers { headers, .. } => drop(self.reader.read(&headers).ok()?),
            Frame::Reset { stream } => drop(self.streams.remove(&stream)),
            Frame::Ping { id } => self.to_client.send(frame::pong(id)).await.ok()?,
            Frame::GoAway => return None,
            Frame::Other => {}
        }
        Some(())
    }

    async fn open(&mut self, stream: u32, headers: &HashMap<String, String>) -> Option<()> {
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let port: Option<u16> = header("port").parse().ok().filter(|port| *port > 0);
        let kind = header("streamtype");
        // Clients that number no requests open the error stream right before the data stream.
        let request = match header("requestid") {
            "" => format!("port {}", header("port")),
            id => id.to_owned(),
        };
        let full = self.streams.len() + self.errors.len() >= STREAMS;
        let refused = match (kind, port) {
            _ if full => Some(REFUSED),
            ("error" | "data", Some(_)) => None,
            _ => Some(PROTOCOL_ERROR),
        };
        if let Some(status) = refused {
            return self.to_client.send(frame::reset(stream, status)).await.ok();
        }
        let reply = frame::reply(stream, &self.writer.empty());
        self.to_client.send(reply).await.ok()?;
        if kind == "error" {
            self.errors.insert(request, stream);
        } else if let Some(port) = port {
            let error = self.errors.remove(&request);
            let (sender, bytes) = mpsc::channel(DEPTH);
            let (alive, given_up) = oneshot::channel();
            self.streams.insert(stream, Incoming { bytes: Some(sender), _alive: alive });
            let forward = Forward {
                gate: Arc::clone(&self.gate),
                to_client: self.to_client.clone(),
                stream,
                error,
            };
            self.tasks.spawn(async move {
                tokio::select! {
                    () = forward.run(port, bytes) => {}
                    _ = given_up => {}
                }
                stream
            });
        }
        Some(())
    }
}

/// One forwarded connection.
struct Forward {
    gate: Arc<Gate>,
    to_client: ToClient,
    stream: u32,
    error: Option<u32>,
}

impl Forward {
    async fn run(self, port: u16, bytes: mpsc::Receiver<Bytes>) {
        let failed = match self.gate.connect(port).await {
            Ok(connection) => {
                self.copy(connection, bytes).await;
                String::new()
            }
            Err(error) => error,
        };
        // The session may have ended meanwhile.
        if let Some(error) = self.error {
            self.to_client.send(frame::end(error, failed.as_bytes())).await.ok();
        }
        self.to_client.send(frame::end(self.stream, b"")).await.ok();
    }

    /// Copies both ways until the pod has said all; the client's end of input is passed on.
    async fn copy(
        &self,
        connection: Box<dyn crate::lab::apiserver::backend::PodConnection>,
        mut bytes: mpsc::Receiver<Bytes>,
    ) {
        let (mut from_pod, mut to_pod) = tokio::io::split(connection);
        let mut buffer = vec![0; PIECE];
        let mut open = true;
        loop {
            tokio::select! {
                piece = bytes.recv(), if open => {
                    let written = match piece {
                        Some(piece) => to_pod.write_all(&piece).await,
                        None => {
                            open = false;
                            to_pod.shutdown().await
                        }
                    };
                    if written.is_err() {
                        return;
                    }
                }
                length = from_pod.read(&mut buffer) => match length {
                    Ok(length @ 1..) => {
                        let frame = frame::data(self.stream, &buffer[..length]);
                        if self.to_client.send(frame).await.is_err() {
                            return;
                        }
                    }
                    _ => return,
                },
            }
        }
    }
}
