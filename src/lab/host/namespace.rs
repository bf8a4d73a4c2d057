//! Namespaces held by files, not by processes, and threads inside them.
//!
//! A *place* is a directory with the files `net`, `mnt`, `uts` and `ipc`, as many as it has: each
//! a bind mount of a namespace. Namespaces are per thread in Linux, so all work inside a place is
//! done by a thread that enters it and ends there.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use nix::{
    sched::{CloneFlags, setns, unshare},
    unistd::gettid,
};

use super::mounts::{self, MountError};

/// The kinds of namespaces a place may have, in the order in which they are entered: the mount
/// namespace last, for it changes what paths mean.
const KINDS: [(&str, CloneFlags); 4] = [
    ("net", CloneFlags::CLONE_NEWNET),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// A namespace could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The system refused a new namespace.
    #[error("cannot create namespaces for {}", place.display())]
    Create {
        /// The place.
        place: PathBuf,
        /// The reason.
        #[source]
        source: nix::Error,
    },
    /// The files of a place cannot be made.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A namespace cannot be bound to its file.
    #[error("cannot hold a namespace")]
    Hold(#[source] MountError),
    /// A namespace cannot be entered.
    #[error("cannot enter {}", path.display())]
    Enter {
        /// The namespace's file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// No thread could be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// Creates the namespaces of `kinds`, runs `setup` inside them and binds them to files in `place`.
///
/// The files are mounts in the caller's mount namespace, the only one in which a mount namespace
/// can be held.
pub(crate) fn create<T, E>(
    place: &Path,
    kinds: CloneFlags,
    setup: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E>
where
    T: Send,
    E: From<NamespaceError> + Send,
{
    let (made, is_made) = mpsc::sync_channel(1);
    let (held, is_held) = mpsc::sync_channel::<()>(1);
    thread::scope(|scope| {
        let inside = move || {
            unshare(kinds)
                .map_err(|source| NamespaceError::Create { place: place.into(), source })?;
            if kinds.contains(CloneFlags::CLONE_NEWNS) {
                mounts::separate().map_err(NamespaceError::Hold)?;
            }
            let result = setup()?;
            // The creator has gone only if it panicked; its scope then ends anyway.
            made.send(gettid()).ok();
            is_held.recv().ok();
            Ok::<T, E>(result)
        };
        let worker = spawn(scope, inside)?;
        let bound = is_made.recv().map_or(Ok(()), |thread| hold(place, kinds, thread.as_raw()));
        drop(held);
        let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        bound?;
        Ok(result)
    })
}

fn hold(place: &Path, kinds: CloneFlags, thread: i32) -> Result<(), NamespaceError> {
    for (name, kind) in KINDS.iter().filter(|(_, kind)| kinds.contains(*kind)) {
        let file = place.join(name);
        File::create(&file)
            .map_err(|source| NamespaceError::File { path: file.clone(), source })?;
        debug_assert!(!kind.is_empty());
        let namespace = format!("/proc/self/task/{thread}/ns/{name}");
        mounts::bind(Path::new(&namespace), &file).map_err(NamespaceError::Hold)?;
    }
    Ok(())
}

/// Moves the calling thread into a place, as far as the place has namespaces.
pub(crate) fn enter(place: &Path) -> Result<(), NamespaceError> {
    let mut files = Vec::new();
    for (name, kind) in KINDS {
        let path = place.join(name);
        match File::open(&path) {
            Ok(file) => files.push((path, file, kind)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(NamespaceError::Enter { path, source }),
        }
    }
    if files.is_empty() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(NamespaceError::Enter { path: place.into(), source });
    }
    for (path, file, kind) in files {
        // A thread shares its root directory with its process until told otherwise.
        let alone =
            if kind == CloneFlags::CLONE_NEWNS { unshare(CloneFlags::CLONE_FS) } else { Ok(()) };
        alone
            .and_then(|()| setns(&file, kind))
            .map_err(|error| NamespaceError::Enter { path, source: error.into() })?;
    }
    Ok(())
}

/// Runs `work` on a thread inside the places, entered one after the other.
pub(crate) fn run_in<T, E>(
    places: &[PathBuf],
    work: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E>
where
    T: Send,
    E: From<NamespaceError> + Send,
{
    thread::scope(|scope| {
        let inside = || {
            for place in places {
                enter(place)?;
            }
            work()
        };
        let worker = spawn(scope, inside)?;
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<thread::ScopedJoinHandle<'scope, T>, NamespaceError> {
    thread::Builder::new().spawn_scoped(scope, work).map_err(NamespaceError::Thread)
}
