//! Network namespaces.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    thread,
};

use nix::{
    mount::{MntFlags, MsFlags, umount2},
    sched::{CloneFlags, setns, unshare},
};

/// A network namespace, held by a descriptor.
#[derive(Debug)]
pub struct NetNs {
    fd: OwnedFd,
    inode: u64,
}

/// A namespace could not be opened, made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NetNsError {
    /// The file cannot be opened.
    #[error("cannot open the network namespace {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error("{0} is not a network namespace")]
    NotANamespace(String),
    /// The namespace cannot be made.
    #[error("cannot make the network namespace {path}")]
    Create {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The namespace cannot be entered.
    #[error("cannot enter a network namespace")]
    Enter(#[source] io::Error),
}

// _IO(0xb7, 0x3), see ioctl_ns(2).
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

impl NetNs {
    /// Opens a namespace file, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a network namespace.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NetNsError> {
        let path = path.as_ref();
        let file = File::open(path)
            .map_err(|source| NetNsError::Open { path: path.to_owned(), source })?;
        Self::check(file.into(), &path.display().to_string())
    }

    /// Takes a descriptor that somebody else opened.
    ///
    /// # Errors
    /// When it is not a network namespace.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, NetNsError> {
        Self::check(fd, "the descriptor")
    }

    /// Opens the namespace of the calling thread.
    ///
    /// # Errors
    /// When /proc is not mounted.
    pub fn current() -> Result<Self, NetNsError> {
        Self::open("/proc/thread-self/ns/net")
    }

    /// Makes a namespace that lives as long as a descriptor or a process in it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn anonymous() -> Result<Self, NetNsError> {
        on_fresh_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(|e| NetNsError::Create { path: "(anonymous)".into(), source: e.into() })?;
            Self::current()
        })
    }

    /// Makes a namespace and binds it to the file `path`, which is made; it then lives until
    /// [`NetNs::remove_at`] and its last user is gone.
    ///
    /// # Errors
    /// When the file exists or the kernel refuses.
    pub fn create_at(path: impl AsRef<Path>) -> Result<Self, NetNsError> {
        let path = path.as_ref();
        let failed = |source| NetNsError::Create { path: path.to_owned(), source };
        File::create_new(path).map_err(failed)?;
        let made = on_fresh_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|e| failed(e.into()))?;
            let own = Path::new("/proc/thread-self/ns/net");
            nix::mount::mount(Some(own), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .map_err(|e| failed(e.into()))?;
            Self::open(path)
        });
        if made.is_err() {
            let _ = std::fs::remove_file(path);
        }
        made
    }

    /// Releases a namespace made by [`NetNs::create_at`]. That it does not exist is not an error.
    ///
    /// # Errors
    /// When the file cannot be unmounted or removed.
    pub fn remove_at(path: impl AsRef<Path>) -> Result<(), io::Error> {
        let path = path.as_ref();
        match umount2(path, MntFlags::MNT_DETACH) {
            Ok(()) | Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs `act` on a fresh thread inside the namespace and waits for it. The calling thread
    /// never changes namespace, so this is safe to call from any thread of a runtime.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> Result<T, NetNsError> {
        on_fresh_thread(|| {
            setns(&self.fd, CloneFlags::CLONE_NEWNET).map_err(|e| NetNsError::Enter(e.into()))?;
            Ok(act())
        })
    }

    /// Returns the inode, which names the namespace as long as it exists.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    fn check(fd: OwnedFd, name: &str) -> Result<Self, NetNsError> {
        let not_a_namespace = || NetNsError::NotANamespace(name.to_owned());
        // SAFETY: NS_GET_NSTYPE takes no argument and writes no memory; the descriptor is open as
        // long as `fd` lives, and other kinds of files refuse the request.
        let kind = unsafe { libc::ioctl(fd.as_raw_fd(), NS_GET_NSTYPE) };
        if kind != libc::CLONE_NEWNET {
            return Err(not_a_namespace());
        }
        let inode = nix::sys::stat::fstat(&fd).map_err(|_| not_a_namespace())?.st_ino;
        Ok(Self { fd, inode })
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The thread ends with the namespace that it entered; nothing can be left in the wrong one.
fn on_fresh_thread<T: Send>(
    act: impl FnOnce() -> Result<T, NetNsError> + Send,
) -> Result<T, NetNsError> {
    thread::scope(|scope| {
        match thread::Builder::new().name("netns".into()).spawn_scoped(scope, act) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(NetNsError::Enter(error)),
        }
    })
}
