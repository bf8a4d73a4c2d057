//! `pods/exec` over WebSocket, protocols v4 and v5.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use futures::stream::{SplitStream, StreamExt as _};
use futures::{SinkExt as _, stream::SplitSink};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::target;
use crate::lab::apiserver::backend::{Attach, BackendError, ExecRequest, ExitStatus, TerminalSize};
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
const MESSAGE: usize = 1 << 20;

/// Answers with the upgrade to a WebSocket and runs the command on it.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (reference, pod) = target::pod(cluster, call)?;
    let command = call.parameters.all("command").to_vec();
    if command.is_empty() {
        return Err(Refusal::BadRequest(
            "you must specify at least 1 command for the container".to_owned(),
        ));
    }
    let exec = ExecRequest {
        container: target::container(call, &pod)?,
        pod: reference,
        command,
        tty: call.parameters.flag("tty"),
    };
    let wants_stdin = call.parameters.flag("stdin");
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Refusal::BadRequest(format!("exec needs a WebSocket: {error}")))?;
    let upgrade =
        upgrade.max_message_size(MESSAGE).protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"]);
    let cluster = Arc::clone(cluster);
    Ok(upgrade.on_upgrade(move |socket| run(cluster, exec, wants_stdin, socket)).into_response())
}

async fn run(cluster: Arc<Cluster>, exec: ExecRequest, wants_stdin: bool, socket: WebSocket) {
    let (mut to_client, from_client) = socket.split();
    let (stdin_tx, stdin_rx) = mpsc::channel(DEPTH);
    let (stdout, mut stdout_rx) = mpsc::channel::<Bytes>(DEPTH);
    let (stderr, mut stderr_rx) = mpsc::channel::<Bytes>(DEPTH);
    let (resize_tx, resize) = mpsc::channel(DEPTH);
    let gone = cluster.shutdown.child_token();
    let stdin = wants_stdin.then_some(stdin_rx);
    let io = Attach { stdin, stdout, stderr, resize, gone: gone.clone() };
    let reader = tokio::spawn(read_client(
        from_client,
        wants_stdin.then_some(stdin_tx),
        resize_tx,
        gone.clone(),
    ));
    let mut command = cluster.pods.exec(exec, io);
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

/// Returns the Status that ends an exec.
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
