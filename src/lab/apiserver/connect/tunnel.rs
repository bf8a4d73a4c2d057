//! A client as a stream of bytes, however its connection was made.

use std::io;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::SinkExt as _;
use futures::stream::{BoxStream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// What the client sends, as it arrives.
pub(super) type FromClient = BoxStream<'static, io::Result<Bytes>>;
/// What the client gets; closing it ends the connection.
pub(super) type ToClient = mpsc::Sender<Bytes>;

/// Pieces that wait for the client.
const DEPTH: usize = 64;
/// Largest piece read at once.
const PIECE: usize = 16 * 1024;

/// Takes the bytes of binary messages, wherever those begin and end.
pub(super) fn of_websocket(socket: WebSocket) -> (FromClient, ToClient) {
    let (mut sink, stream) = socket.split();
    let bytes = stream.filter_map(|message| async move {
        match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(_) => None,
            Err(error) => Some(Err(io::Error::other(error))),
        }
    });
    let (sender, mut pieces) = mpsc::channel::<Bytes>(DEPTH);
    tokio::spawn(async move {
        while let Some(piece) = pieces.recv().await {
            if sink.send(Message::Binary(piece)).await.is_err() {
                return;
            }
        }
        let close = CloseFrame { code: 1000, reason: "".into() };
        drop(sink.send(Message::Close(Some(close))).await);
    });
    (bytes.boxed(), sender)
}

/// Takes the bytes of a connection that has been upgraded.
pub(super) fn of_connection(
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
) -> (FromClient, ToClient) {
    let (from, mut to) = tokio::io::split(connection);
    let bytes = futures::stream::unfold(from, |mut from| async move {
        let mut buffer = vec![0; PIECE];
        match from.read(&mut buffer).await {
            Ok(0) => None,
            Ok(length) => {
                buffer.truncate(length);
                Some((Ok(Bytes::from(buffer)), from))
            }
            Err(error) => Some((Err(error), from)),
        }
    });
    let (sender, mut pieces) = mpsc::channel::<Bytes>(DEPTH);
    tokio::spawn(async move {
        while let Some(piece) = pieces.recv().await {
            if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    });
    (bytes.boxed(), sender)
}
