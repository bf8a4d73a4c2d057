//! TCP: HTTP is answered, anything else is echoed.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::answer::{Answer, is_question};

/// Connections served at once.
const CONNECTIONS: usize = 1024;
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Largest head of an HTTP request.
const LARGEST_HEAD: usize = 8 << 10;

/// Serves every connection, a bounded number at once.
pub(super) async fn serve(name: Arc<str>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let name = Arc::clone(&name);
                tokio::spawn(async move {
                    // A connection that breaks is the client's business.
                    converse(&name, stream).await.ok();
                    drop(place);
                });
            }
            // Out of descriptors: those in use must end first.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(name: &str, mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    let mut head: Vec<u8> = Vec::new();
    loop {
        let length = timeout(IDLE, stream.read(&mut buffer)).await??;
        if length == 0 {
            return Ok(());
        }
        let received = &buffer[..length];
        if head.is_empty() && !is_question(received) {
            stream.write_all(received).await?;
            continue;
        }
        head.extend(received);
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return answer(name, &mut stream).await;
        }
        if head.len() > LARGEST_HEAD {
            return Ok(());
        }
    }
}

async fn answer(name: &str, stream: &mut TcpStream) -> io::Result<()> {
    let answer = Answer { name, server: stream.local_addr()?, client: stream.peer_addr()? };
    let body = answer.json()?;
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
