//! Datagrams go back as they came.

use tokio::net::UdpSocket;

/// Largest datagram.
const LARGEST: usize = 65_535;

/// Sends every datagram back to its sender.
pub(in crate::lab) async fn echo(socket: UdpSocket) {
    let mut buffer = vec![0; LARGEST];
    loop {
        // Errors are about earlier datagrams that could not be delivered; the socket goes on.
        if let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&buffer[..length], client).await.ok();
        }
    }
}
