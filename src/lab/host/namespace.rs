//! Namespaces held by files, not by processes, and threads inside them.
//!
//! A *place* is a directory with the files `net`, `mnt`, `uts` and `ipc`, as many as it has: each
//! a bind mount of a namespace. Namespaces are per thread in Linux, so all work inside a place is
//! done by a thread that enters it and ends there.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use nix::{
    sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, setns, unshare},
    unistd::{Pid, gettid},
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
    let (held, is_held) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        let inside = move || {
            let worker = Worker { place, made, is_held };
            if kinds.contains(CloneFlags::CLONE_NEWNS) {
                worker.make_mounts()?;
                mounts::separate().map_err(NamespaceError::Hold)?;
            }
            worker.make(kinds - CloneFlags::CLONE_NEWNS)?;
            setup()
        };
        let worker = spawn(scope, inside)?;
        // Ends when the worker has hung up: it has all it wants, or failed.
        while let Ok((thread, kinds)) = is_made.recv() {
            held.send(hold(place, kinds, thread)).ok();
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The side that becomes part of new namespaces, and has another thread bind them.
struct Worker<'a> {
    place: &'a Path,
    made: mpsc::SyncSender<(i32, CloneFlags)>,
    is_held: mpsc::Receiver<Result<(), NamespaceError>>,
}

impl Worker<'_> {
    fn make(&self, kinds: CloneFlags) -> Result<(), NamespaceError> {
        unshare(kinds)
            .map_err(|source| NamespaceError::Create { place: self.place.into(), source })?;
        // The other side has gone only if it panicked; nobody looks at the answer then.
        self.made.send((gettid().as_raw(), kinds)).ok();
        self.is_held.recv().unwrap_or(Ok(()))
    }

    /// Makes a mount namespace that can be held.
    ///
    /// The kernel holds a mount namespace only in an older one, and tells age by a number. Since
    /// 6.18 each CPU gives numbers from a range of its own, so that a new namespace may seem to be
    /// the older one (EINVAL). On the CPU that made the outer one it never does.
    fn make_mounts(&self) -> Result<(), NamespaceError> {
        let own = sched_getaffinity(Pid::from_raw(0)).ok();
        let cpus = own.as_ref().map(cpus).unwrap_or_default();
        let first = GOOD_CPU.load(Ordering::Relaxed);
        let mut result = self.make(CloneFlags::CLONE_NEWNS);
        let mut candidates = cpus
            .iter()
            .filter(|cpu| **cpu == first)
            .chain(cpus.iter().filter(|cpu| **cpu != first));
        while matches!(&result, Err(NamespaceError::Hold(error)) if error.is_invalid()) {
            let Some(cpu) = candidates.next() else { break };
            let mut only = CpuSet::new();
            if only.set(*cpu).and_then(|()| sched_setaffinity(Pid::from_raw(0), &only)).is_ok() {
                result = self.make(CloneFlags::CLONE_NEWNS);
                GOOD_CPU.store(*cpu, Ordering::Relaxed);
            }
        }
        if let Some(own) = own {
            // Only the next steps' speed is at stake.
            sched_setaffinity(Pid::from_raw(0), &own).ok();
        }
        result
    }
}

/// The CPU that last made a mount namespace that could be held.
static GOOD_CPU: AtomicUsize = AtomicUsize::new(0);

fn cpus(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

fn hold(place: &Path, kinds: CloneFlags, thread: i32) -> Result<(), NamespaceError> {
    for (name, _) in KINDS.iter().filter(|(_, kind)| kinds.contains(*kind)) {
        let file = place.join(name);
        File::create(&file)
            .map_err(|source| NamespaceError::File { path: file.clone(), source })?;
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
