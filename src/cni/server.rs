//! The agent's side of `cni.sock`.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use tokio::net::UnixListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::wire::{Reply, Request, checked_length, write_message};
use crate::kernel::{NetNs, receive_with_descriptor};

/// What answers the plugin. Called on threads that may block, several at a time.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. ADD and CHECK come with the pod's namespace.
    fn handle(&self, request: Request, netns: Option<NetNs>) -> Reply;

    /// Says whether the plugin was still there to get the answer to this request.
    fn told(&self, request: &Request, heard: bool);
}

/// A plugin sends its request at once.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Binds the socket with mode 0600, replacing what an earlier agent left. Connections queue up
/// until [`serve`] is called.
///
/// # Errors
/// When the socket cannot be made.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until cancelled, and then until all running requests are answered.
pub async fn serve(listener: UnixListener, handler: Arc<dyn Handler>, cancel: CancellationToken) {
    let running = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => break,
        };
        let stream = accepted.and_then(|(stream, _)| stream.into_std());
        match stream {
            Ok(stream) => {
                let handler = Arc::clone(&handler);
                running.spawn_blocking(move || {
                    if let Err(error) = answer(&stream, &*handler) {
                        debug!(%error, "request of the CNI plugin failed");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a request of the CNI plugin");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    running.close();
    running.wait().await;
}

fn answer(mut stream: &UnixStream, handler: &dyn Handler) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    let peer = getsockopt(stream, PeerCredentials)?;
    if peer.uid() != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the peer is not root"));
    }
    let (request, descriptor) = receive(stream)?;
    let netns = descriptor.map(NetNs::from_fd).transpose().map_err(io::Error::other)?;
    let reply = handler.handle(request.clone(), netns);
    let told = write_message(&mut stream, &reply);
    handler.told(&request, told.is_ok());
    told
}

/// Reads one message and the descriptor that came with its first bytes.
fn receive(stream: &UnixStream) -> io::Result<(Request, Option<OwnedFd>)> {
    let mut length = [0; 4];
    let mut have = 0;
    let mut descriptor = None;
    while have < length.len() {
        let (count, received) = receive_with_descriptor(stream, &mut length[have..])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        have += count;
        descriptor = descriptor.or(received);
    }
    let mut bytes = vec![0; checked_length(length)?];
    io::Read::read_exact(&mut &*stream, &mut bytes)?;
    Ok((serde_json::from_slice(&bytes)?, descriptor))
}
