//! A unix socket that answers only its owner and root.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
    process,
};

use axum::serve::Listener;
use nix::unistd::geteuid;
use tokio::net::{UnixListener, UnixStream, unix::SocketAddr};
use tracing::warn;

/// The admin API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process serves the socket.
    #[error("another process serves {path}")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket is in the way.
    #[error("{path} exists and is not a socket")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen on {path}")]
    Bind {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Connections cannot be accepted any more.
    #[error("cannot accept connections on {path}")]
    Accept {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// A listener that hangs up on strangers. The file mode keeps them out already; a descriptor or a
/// directory with wrong rights must not let them in.
pub(super) struct Guarded {
    listener: UnixListener,
    owner: u32,
}

impl Guarded {
    /// Makes the socket under another name first, so that nobody meets it with wrong rights and a
    /// stale one is replaced in one step.
    pub(super) fn bind(path: &Path) -> Result<Self, ServeError> {
        refuse_used(path)?;
        let failed = |source| ServeError::Bind { path: path.to_owned(), source };
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", process::id()));
        let draft = PathBuf::from(draft);
        let listener = UnixListener::bind(&draft).map_err(failed)?;
        let published = fs::set_permissions(&draft, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::rename(&draft, path));
        if let Err(source) = published {
            let _ = fs::remove_file(&draft);
            return Err(failed(source));
        }
        Ok(Self { listener, owner: geteuid().as_raw() })
    }

    fn is_welcome(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == 0 || peer.uid() == self.owner => true,
            Ok(peer) => {
                warn!(
                    uid = peer.uid(),
                    pid = peer.pid(),
                    "a stranger called a socket of the agent"
                );
                false
            }
            Err(_) => false,
        }
    }
}

fn refuse_used(path: &Path) -> Result<(), ServeError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(ServeError::NotASocket { path: path.to_owned() });
    }
    match BlockingStream::connect(path) {
        Ok(_) => Err(ServeError::InUse { path: path.to_owned() }),
        Err(_) => Ok(()),
    }
}

impl Listener for Guarded {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if self.is_welcome(&stream) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
