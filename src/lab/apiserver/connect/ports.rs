//! Port-forward over WebSocket channels, as kube-rs speaks it: channel 2i is the i-th port's data, 2i + 1 its error.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::SinkExt as _;
use futures::stream::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lab::apiserver::backend::{BackendError, PodBackend, PodConnection, PodRef};

/// Messages that wait, per direction.
const DEPTH: usize = 64;
/// Largest piece read at once.
const PIECE: usize = 16 * 1024;

/// The way to the ports of one pod.
pub(super) struct Gate {
    pods: Arc<dyn PodBackend>,
    pod: PodRef,
    pub(super) gone: CancellationToken,
}

impl Gate {
    pub(super) fn new(pods: Arc<dyn PodBackend>, pod: PodRef, gone: CancellationToken) -> Self {
        Self { pods, pod, gone }
    }

    /// Connects to a port; the error is what the client's user reads.
    pub(super) async fn connect(&self, port: u16) -> Result<Box<dyn PodConnection>, String> {
        let PodRef { namespace, name, .. } = &self.pod;
        self.pods.connect(self.pod.clone(), port).await.map_err(|error| {
            let reason = match error {
                BackendError::Start { source, .. } => source.to_string(),
                other => other.to_string(),
            };
            format!("error forwarding port {port} to pod {namespace}/{name}: failed to connect to localhost:{port} inside the pod: {reason}")
        })
    }
}

/// What comes of a connection: bytes, or the end of them.
type FromPod = (u8, Bytes);

/// Forwards the ports until all have ended or the client leaves.
pub(super) async fn serve(gate: Gate, ports: Vec<u16>, socket: WebSocket) {
    let gate = Arc::new(gate);
    let gone = gate.gone.clone();
    let (mut sink, mut stream) = socket.split();
    let (sender, mut from_pod) = mpsc::channel::<FromPod>(DEPTH);
    let mut tasks = JoinSet::new();
    let mut to_pod = Vec::new();
    for (index, port) in (0_u8..).zip(ports.into_iter().take(usize::from(u8::MAX / 2))) {
        let (bytes, incoming) = mpsc::channel::<Bytes>(DEPTH);
        to_pod.push(bytes);
        tasks.spawn(forward(Arc::clone(&gate), index * 2, port, incoming, sender.clone()));
    }
    drop(sender);
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let Some((&channel, _)) = bytes.split_first() else { continue };
                    let port = to_pod.get(usize::from(channel / 2)).filter(|_| channel % 2 == 0);
                    // A port that has ended takes nothing more.
                    if let Some(port) = port {
                        port.send(bytes.slice(1..)).await.ok();
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            piece = from_pod.recv() => {
                let Some((channel, bytes)) = piece else { break };
                let mut message = vec![channel];
                message.extend_from_slice(&bytes);
                if sink.send(Message::Binary(message.into())).await.is_err() {
                    break;
                }
            }
            () = gone.cancelled() => break,
        }
    }
    let close = CloseFrame { code: 1000, reason: "".into() };
    drop(sink.send(Message::Close(Some(close))).await);
}

async fn forward(
    gate: Arc<Gate>,
    channel: u8,
    port: u16,
    mut incoming: mpsc::Receiver<Bytes>,
    to: mpsc::Sender<FromPod>,
) {
    // Both channels start with the port they are for.
    for channel in [channel, channel + 1] {
        if to.send((channel, Bytes::copy_from_slice(&port.to_le_bytes()))).await.is_err() {
            return;
        }
    }
    let connection = match gate.connect(port).await {
        Ok(connection) => connection,
        Err(error) => {
            to.send((channel + 1, error.into())).await.ok();
            return;
        }
    };
    let (mut from_pod, mut to_pod) = tokio::io::split(connection);
    let mut buffer = vec![0; PIECE];
    loop {
        tokio::select! {
            bytes = incoming.recv() => match bytes {
                Some(bytes) => if to_pod.write_all(&bytes).await.is_err() { return },
                None => return,
            },
            length = from_pod.read(&mut buffer) => match length {
                Ok(length @ 1..) => {
                    let bytes = Bytes::copy_from_slice(&buffer[..length]);
                    if to.send((channel, bytes)).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
