//! Deletions that arrived while no agent was there: one file each, beside the socket.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::fcntl::{Flock, FlockArg};

use super::{record::host_ifname, wire::AttachmentKey};

/// The queue of a socket. Plugins push under a shared lock after the agent did not answer; the
/// agent drains it and starts to listen under the exclusive lock. So a deletion is either
/// answered by an agent or found by the next one, never lost between the two.
#[derive(Debug)]
pub struct Deletions {
    dir: PathBuf,
}

/// How long a plugin waits for an agent that is just starting.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

impl Deletions {
    /// Returns the queue of an agent's socket.
    pub fn beside(socket: &Path) -> Self {
        let run_dir = socket.parent().unwrap_or(Path::new("/"));
        Self { dir: run_dir.join("cni-deletes") }
    }

    /// Keeps agents from draining while the guard lives.
    ///
    /// # Errors
    /// When the directory cannot be used or an agent holds the lock for too long.
    pub fn lock_shared(&self) -> io::Result<Flock<File>> {
        self.lock(FlockArg::LockSharedNonblock)
    }

    /// Keeps plugins from pushing while the guard lives.
    ///
    /// # Errors
    /// When the directory cannot be used or a plugin holds the lock for too long.
    pub fn lock_exclusive(&self) -> io::Result<Flock<File>> {
        self.lock(FlockArg::LockExclusiveNonblock)
    }

    /// Adds a deletion; pushing it twice is the same as once.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn push(&self, attachment: &AttachmentKey) -> io::Result<()> {
        let path = self.dir.join(format!("{}.json", host_ifname(attachment)));
        let temporary =
            self.dir.join(format!("{}.{}", host_ifname(attachment), std::process::id()));
        fs::write(&temporary, serde_json::to_vec(attachment)?)?;
        fs::rename(&temporary, &path)
    }

    /// Returns what is queued. Files that nobody can read are removed: no container is behind them.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<AttachmentKey>> {
        let mut queued = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
                Ok(Ok(attachment)) => queued.push(attachment),
                Ok(Err(_)) => fs::remove_file(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(queued)
    }

    /// Removes a deletion that is done.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn done(&self, attachment: &AttachmentKey) -> io::Result<()> {
        let path = self.dir.join(format!("{}.json", host_ifname(attachment)));
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn lock(&self, how: FlockArg) -> io::Result<Flock<File>> {
        fs::create_dir_all(&self.dir)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.dir.join("lock"))?;
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            match Flock::lock(file, how) {
                Ok(guard) => return Ok(guard),
                Err((back, nix::errno::Errno::EWOULDBLOCK)) if Instant::now() < deadline => {
                    file = back;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((_, errno)) => return Err(errno.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::{UnixListener, UnixStream},
        sync::Barrier,
        thread,
    };

    use super::*;

    #[test]
    fn what_was_pushed_is_listed_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let queue = Deletions::beside(&dir.path().join("cni.sock"));
        let attachment = AttachmentKey { container_id: "c".into(), ifname: "eth0".into() };
        let shared = queue.lock_shared().unwrap();
        queue.push(&attachment).unwrap();
        queue.push(&attachment).unwrap();
        drop(shared);
        fs::write(dir.path().join("cni-deletes/skepx.json"), "garbage").unwrap();
        let _exclusive = queue.lock_exclusive().unwrap();
        assert_eq!(queue.list().unwrap(), std::slice::from_ref(&attachment));
        queue.done(&attachment).unwrap();
        queue.done(&attachment).unwrap();
        assert!(queue.list().unwrap().is_empty());
    }

    #[test]
    fn no_delete_is_lost_in_the_race_with_a_starting_agent() {
        for round in 0..50 {
            let dir = tempfile::tempdir().unwrap();
            let socket = dir.path().join("cni.sock");
            let queue = Deletions::beside(&socket);
            let start = Barrier::new(5);
            let (drained, queued) = thread::scope(|scope| {
                let agent = scope.spawn(|| {
                    start.wait();
                    let lock = queue.lock_exclusive().unwrap();
                    let drained = queue.list().unwrap().len();
                    let listener = UnixListener::bind(&socket).unwrap();
                    drop(lock);
                    (drained, listener)
                });
                let plugins: Vec<_> = (0..4)
                    .map(|number| {
                        let (queue, socket, start) = (&queue, &socket, &start);
                        scope.spawn(move || {
                            start.wait();
                            let _lock = queue.lock_shared().unwrap();
                            if UnixStream::connect(socket).is_ok() {
                                return 0;
                            }
                            let container_id = format!("{round}-{number}");
                            let ifname = "eth0".into();
                            queue.push(&AttachmentKey { container_id, ifname }).unwrap();
                            1
                        })
                    })
                    .collect();
                let queued: usize = plugins.into_iter().map(|one| one.join().unwrap()).sum();
                (agent.join().unwrap().0, queued)
            });
            assert_eq!(drained, queued, "round {round}");
        }
    }
}
