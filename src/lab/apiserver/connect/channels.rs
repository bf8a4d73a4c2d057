//! The streams of a command over one WebSocket, protocols v4 and v5: each message starts with the
//! number of its channel.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{SplitStream, StreamExt as _};
use futures::{SinkExt as _, stream::SplitSink};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::lab::apiserver::backend::{Attach, BackendError, ExitStatus, TerminalSize};
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::refusal::Refusal;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Chunks between the command and the client.
const DEPTH: usize = 16;
/// Largest message a client may send.
pub(super) const MESSAGE: usize = 1 << 20;

/// Which streams the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streams {
    stdin: bool,
}

impl Streams {
    /// Reads the request's parameters.
    pub(super) fn asked_for(call: &Call) -> Self {
        Self { stdin: call.parameters.flag("stdin") }
    }
}

/// The end of a command that was started with streams.
pub(super) type Outcome = BoxFuture<'static, Result<ExitStatus, BackendError>>;

/// Reads the request for a WebSocket.
pub(super) async fn upgrade(request: Request<Body>) -> Result<WebSocketUpgrade, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Refusal::BadRequest(format!("this needs a WebSocket: {error}")))?;
    Ok(upgrade.max_message_size(MESSAGE))
}

/// Answers with the upgrade, and joins what `start` starts to the channels.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    request: Request<Body>,
    streams: Streams,
    start: impl FnOnce(Attach) -> Outcome + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    let upgrade = upgrade(request).await?.protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"]);
    let gone = cluster.shutdown.child_token();
    let work = move |socket| run(gone, streams, start, socket);
    Ok(upgrade.on_upgrade(work).into_response())
}

async fn run(
    gone: CancellationToken,
    streams: Streams,
    start: impl FnOnce(Attach) -> Outcome,
    socket: WebSocket,
) {
    let (mut to_client, from_client) = socket.split();
    let (stdin_tx, stdin_rx) = mpsc::channel(DEPTH);
    let (stdout, mut stdout_rx) = mpsc::channel::<Bytes>(DEPTH);
    let (stderr, mut stderr_rx) = mpsc::channel::<Bytes>(DEPTH);
    let (resize_tx, resize) = mpsc::channel(DEPTH);
    let stdin = streams.stdin.then_some(stdin_rx);
    let io = Attach { stdin, stdout, stderr, resize, gone: gone.clone() };
    let reader = tokio::spawn(read_client(
        from_client,
        streams.stdin.then_some(stdin_tx),
        resize_tx,
        gone.clone(),
    ));
    let mut command = start(io);
    let mut outcome = None;
    // Clients wait for a first message to know that the streams are open.
    let mut alive = send(&mut to_client, STDOUT, Bytes::new()).await;
    let (mut out_open, mut err_open) = (true, true);
    while alive && (outcome.is_none() || out_open || err_open) {
        tokio::select! {
            result = &mut command, if outcome.is_none() => outcome = Some(result),
            chunk = stdout_rx.recv(), if out_open => match chunk {
                Some(chunk) => alive = send(&mut to_client, STDOUT, chunk).await,
                None => out_open = false,
            },
            chunk = stderr_rx.recv(), if err_open => match chunk {
                Some(chunk) => alive = send(&mut to_client, STDERR, chunk).await,
                None => err_open = false,
            },
            () = gone.cancelled() => alive = false,
        }
    }
    if let Some(outcome) = outcome.filter(|_| alive) {
        let status = status(&outcome).to_string();
        if send(&mut to_client, ERROR, status.into()).await {
            let close = CloseFrame { code: 1000, reason: "".into() };
            drop(to_client.send(Message::Close(Some(close))).await);
        }
    }
    gone.cancel();
    reader.abort();
}

async fn send(to_client: &mut SplitSink<WebSocket, Message>, channel: u8, bytes: Bytes) -> bool {
    let mut message = Vec::with_capacity(bytes.len() + 1);
    message.push(channel);
    message.extend_from_slice(&bytes);
    to_client.send(Message::Binary(message.into())).await.is_ok()
}

/// Forwards what the client sends until it leaves.
async fn read_client(
    mut from_client: SplitStream<WebSocket>,
    mut stdin: Option<mpsc::Sender<Bytes>>,
    resize: mpsc::Sender<TerminalSize>,
    gone: CancellationToken,
) {
    while let Some(Ok(message)) = from_client.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => break,
            _ => continue,
        };
        let Some((&channel, _)) = bytes.split_first() else { continue };
        let content = bytes.slice(1..);
        match channel {
            STDIN => {
                let closed = match &stdin {
                    Some(sender) if !content.is_empty() => sender.send(content).await.is_err(),
                    _ => false,
                };
                if closed {
                    stdin = None;
                }
            }
            RESIZE => {
                if let Some(size) = terminal_size(&content) {
                    let _ = resize.try_send(size);
                }
            }
            CLOSE if content.first() == Some(&STDIN) => stdin = None,
            _ => {}
        }
    }
    gone.cancel();
}

fn terminal_size(content: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(content).ok()?;
    let side = |member: &str| size[member].as_u64().and_then(|n| u16::try_from(n).ok());
    Some(TerminalSize { width: side("Width")?, height: side("Height")? })
}

/// Returns the Status that ends a command.
fn status(outcome: &Result<ExitStatus, BackendError>) -> Value {
    match outcome {
        Ok(ExitStatus(0)) => json!({"metadata": {}, "status": "Success"}),
        Ok(ExitStatus(code)) => json!({"metadata": {}, "status": "Failure",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}}),
        Err(error) => Refusal::Internal(error.to_string()).status(),
    }
}
