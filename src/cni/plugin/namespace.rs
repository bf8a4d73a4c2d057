//! The pod's network namespace, opened without trusting the path.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    sys::stat::Mode,
};

use crate::kernel::NetNs;

/// Where runtimes keep namespaces.
const PLACES: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// `CNI_NETNS` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidNamespace {
    /// Somewhere else.
    #[error(
        "CNI_NETNS {0:?} is not below /run/netns or /var/run/netns, nor /proc/PID/ns/net; check \
         the runtime's settings"
    )]
    Place(PathBuf),
    /// It does not open.
    #[error("CNI_NETNS {path:?} cannot be opened; the runtime must create it before ADD")]
    Open {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// It is some other file.
    #[error("CNI_NETNS {0:?} is not a network namespace")]
    Kind(PathBuf),
    /// It is the namespace that the plugin itself is in.
    #[error("CNI_NETNS {0:?} is the node's own network namespace; host network pods need no CNI")]
    Host(PathBuf),
}

/// Opens the namespace and makes sure that it is a pod's.
pub(super) fn open(path: &OsStr) -> Result<NetNs, InvalidNamespace> {
    let path = Path::new(path);
    let file = match place(path).ok_or_else(|| InvalidNamespace::Place(shortened(path)))? {
        Place::Below(base, rest) => open_below(base, rest),
        // The kernel makes this link; there is nothing to escape to.
        Place::Process => File::open(path).map(OwnedFd::from),
    };
    let failed = |source| InvalidNamespace::Open { path: path.to_owned(), source };
    let netns =
        NetNs::from_fd(file.map_err(failed)?).map_err(|_| InvalidNamespace::Kind(path.into()))?;
    let own = File::open("/proc/self/ns/net").and_then(|file| file.metadata()).map_err(failed)?;
    if netns.inode() == own.ino() {
        return Err(InvalidNamespace::Host(path.into()));
    }
    Ok(netns)
}

enum Place<'a> {
    Below(&'static str, &'a Path),
    Process,
}

fn place(path: &Path) -> Option<Place<'_>> {
    // Paths with dots, doubled slashes or a final slash are not what runtimes write.
    let plain =
        path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
            && path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    if !plain || path.as_os_str().len() > 4095 {
        return None;
    }
    for base in PLACES {
        if let Ok(rest) = path.strip_prefix(base) {
            return (!rest.as_os_str().is_empty()).then_some(Place::Below(base, rest));
        }
    }
    let pid = path.to_str()?.strip_prefix("/proc/")?.strip_suffix("/ns/net")?;
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then_some(Place::Process)
}

/// No link on the way may lead out of the directory; bind mounts may, for that is what these are.
fn open_below(base: &str, rest: &Path) -> io::Result<OwnedFd> {
    let base = File::open(base)?;
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .mode(Mode::empty())
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(openat2(base, rest, how)?)
}

/// A path that is refused is not worth repeating in full.
fn shortened(path: &Path) -> PathBuf {
    path.to_string_lossy().chars().take(128).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_places_of_namespaces_are_opened() {
        for path in ["/run/netns/a", "/var/run/netns/cni-1", "/run/netns/a/b", "/proc/12/ns/net"] {
            assert!(place(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "",
            "netns",
            "/run/netns",
            "/run/netns/",
            "/run/netns/../../etc/passwd",
            "/run/netns/./a",
            "/run//netns/a",
            "/run/netns/a/",
            "/run/netnsx/a",
            "/etc/passwd",
            "/proc/self/ns/net",
            "/proc/1/ns/mnt",
            "/proc/1/root/run/netns/a",
            "/proc//ns/net",
        ] {
            assert!(place(Path::new(path)).is_none(), "{path}");
        }
    }

    #[test]
    fn the_nodes_own_namespace_is_refused() {
        let own = format!("/proc/{}/ns/net", std::process::id());
        assert!(matches!(open(OsStr::new(&own)), Err(InvalidNamespace::Host(_))));
    }
}
