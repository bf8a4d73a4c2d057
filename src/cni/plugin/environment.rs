//! The variables that the runtime sets.

use std::{
    env,
    ffi::OsString,
    path::{Component, Path},
};

use super::failure::code;
use crate::{
    cni::wire::{AttachmentKey, Failure},
    model::PodRef,
};

/// What the runtime wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Del,
    Check,
    Gc,
    Status,
    Version,
}

/// A value that cannot be what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejected(&'static str);

impl Rejected {
    /// Returns why.
    pub(crate) fn reason(&self) -> &'static str {
        self.0
    }
}

/// Reads the verb.
pub(super) fn verb() -> Result<Verb, Failure> {
    Ok(match variable("CNI_COMMAND")?.as_str() {
        "ADD" => Verb::Add,
        "DEL" => Verb::Del,
        "CHECK" => Verb::Check,
        "GC" => Verb::Gc,
        "STATUS" => Verb::Status,
        "VERSION" => Verb::Version,
        _ => return Err(invalid("CNI_COMMAND", "is not ADD, DEL, CHECK, GC, STATUS or VERSION")),
    })
}

/// Reads which interface of which container this is about.
pub(super) fn attachment() -> Result<AttachmentKey, Failure> {
    let container_id = variable("CNI_CONTAINERID")?;
    valid_container_id(&container_id).map_err(|e| invalid("CNI_CONTAINERID", e.reason()))?;
    let ifname = variable("CNI_IFNAME")?;
    valid_ifname(&ifname).map_err(|e| invalid("CNI_IFNAME", e.reason()))?;
    Ok(AttachmentKey { container_id, ifname })
}

/// Reads the path of the network namespace.
pub(super) fn netns() -> Result<String, Failure> {
    let path = variable("CNI_NETNS")?;
    valid_netns(&path).map_err(|e| invalid("CNI_NETNS", e.reason()))?;
    Ok(path)
}

/// Reads the pod, if the runtime names one.
pub(super) fn pod() -> Result<Option<PodRef>, Failure> {
    let args = match env::var_os("CNI_ARGS") {
        None => return Ok(None),
        Some(raw) => text("CNI_ARGS", raw)?,
    };
    let mut pod = PodRef { namespace: String::new(), name: String::new(), uid: String::new() };
    for pair in args.split(';').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(invalid("CNI_ARGS", "is not a list of KEY=VALUE with semicolons"));
        };
        match key {
            "K8S_POD_NAMESPACE" => pod.namespace = value.to_owned(),
            "K8S_POD_NAME" => pod.name = value.to_owned(),
            "K8S_POD_UID" => pod.uid = value.to_owned(),
            _ => {}
        }
    }
    let named = [&pod.namespace, &pod.name];
    if named.iter().any(|part| part.len() > 253 || part.contains('/')) || pod.uid.len() > 253 {
        return Err(invalid("CNI_ARGS", "has a pod name, namespace or uid that no pod has"));
    }
    Ok(named.iter().all(|part| !part.is_empty()).then_some(pod))
}

/// Checks a container id as the specification defines it; longer ones than any runtime makes
/// are refused.
pub(crate) fn valid_container_id(id: &str) -> Result<(), Rejected> {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if id.is_empty() || !id.starts_with(|c: char| c.is_ascii_alphanumeric()) || !id.chars().all(ok)
    {
        return Err(Rejected("must start with a letter or digit and hold only those, _, . and -"));
    }
    if id.len() > 256 {
        return Err(Rejected("is longer than 256 characters"));
    }
    Ok(())
}

/// Checks an interface name as the kernel does.
pub(crate) fn valid_ifname(name: &str) -> Result<(), Rejected> {
    if name.is_empty() || name.len() > 15 {
        return Err(Rejected("must have 1 to 15 characters"));
    }
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%');
    if name == "." || name == ".." || name.contains(bad) || !name.is_ascii() {
        return Err(Rejected("is not an interface name"));
    }
    Ok(())
}

/// Only where runtimes keep namespaces: `/run/netns/NAME` and `/proc/PID[/task/TID]/ns/net`.
fn valid_netns(path: &str) -> Result<(), Rejected> {
    const WHERE: &str = "must be in /run/netns or /var/run/netns, or /proc/PID/ns/net";
    let mut parts = Vec::new();
    let mut components = Path::new(path).components();
    if components.next() != Some(Component::RootDir) {
        return Err(Rejected("is not an absolute path"));
    }
    for component in components {
        match component {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            _ => return Err(Rejected("must not contain ..")),
        }
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        ["run", "netns", _] | ["var", "run", "netns", _] => Ok(()),
        ["proc", pid, "ns", "net"] if number(pid) => Ok(()),
        ["proc", pid, "task", tid, "ns", "net"] if number(pid) && number(tid) => Ok(()),
        _ => Err(Rejected(WHERE)),
    }
}

fn variable(name: &'static str) -> Result<String, Failure> {
    match env::var_os(name) {
        Some(raw) if !raw.is_empty() => text(name, raw),
        _ => Err(invalid(name, "is not set")),
    }
}

fn text(name: &'static str, raw: OsString) -> Result<String, Failure> {
    raw.into_string().map_err(|_| invalid(name, "is not UTF-8"))
}

fn invalid(name: &str, reason: &str) -> Failure {
    Failure::new(code::INVALID_ENVIRONMENT, format!("{name} {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids_and_interface_names() {
        for id in ["a", "0f", "a.b_c-d", &"f".repeat(64)] {
            assert_eq!(valid_container_id(id), Ok(()), "{id}");
        }
        for id in ["", "-a", ".", "../x", "a/b", "a b", "a\n", "\u{e9}", &"f".repeat(4096)] {
            assert!(valid_container_id(id).is_err(), "{id}");
        }
        for name in ["eth0", "net1", "a234567890bcdef"] {
            assert_eq!(valid_ifname(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "a:1", "a234567890bcdefg", "\u{e9}th"] {
            assert!(valid_ifname(name).is_err(), "{name}");
        }
    }

    #[test]
    fn namespace_paths_do_not_escape() {
        for path in [
            "/run/netns/cni-1",
            "/var/run/netns/cni-1",
            "/proc/12/ns/net",
            "/proc/12/task/13/ns/net",
        ] {
            assert_eq!(valid_netns(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "run/netns/x",
            "/run/netns",
            "/run/netns/../../etc/passwd",
            "/run/netns/a/b",
            "/etc/passwd",
            "/proc/self/ns/net",
            "/proc/1/ns/mnt",
            "/proc/1/root/run/netns/x",
        ] {
            assert!(valid_netns(path).is_err(), "{path}");
        }
    }
}
