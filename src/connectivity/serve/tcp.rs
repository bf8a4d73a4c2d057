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
            let last = is_last(&head);
            answer(name, &mut stream, last).await?;
            if last {
                return stream.shutdown().await;
            }
            head.clear();
        }
        if head.len() > LARGEST_HEAD {
            return Ok(());
        }
    }
}

/// Tells whether a client wants one answer only; others may go on asking.
fn is_last(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut lines = head.lines();
    let is_old = lines.next().is_none_or(|request| !request.ends_with("http/1.1"));
    is_old || lines.any(|line| line.replace(' ', "") == "connection:close")
}

async fn answer(name: &str, stream: &mut TcpStream, last: bool) -> io::Result<()> {
    let answer = Answer { name, server: stream.local_addr()?, client: stream.peer_addr()? };
    let body = answer.json()?;
    let close = if last { "Connection: close\r\n" } else { "" };
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{close}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_our_days_may_go_on_asking() {
        for (head, last) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", true),
            ("GET / HTTP/1.0\r\n\r\n", true),
        ] {
            assert_eq!(is_last(head.as_bytes()), last, "{head}");
        }
    }
}
