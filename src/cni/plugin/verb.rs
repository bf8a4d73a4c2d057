//! The verbs, from the plugin's point of view.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::MetadataExt, unix::fs::OpenOptionsExt},
    path::Path,
    process::ExitCode,
};

use serde_json::Value;

use super::{
    VERSIONS,
    call::call,
    config::{self, NetworkConfig},
    environment::{self, Verb},
    failure::code,
    outcome,
};
use crate::cni::{
    queue,
    wire::{AttachmentKey, Failure, Reply, Request},
};

/// Runs the plugin: environment and standard input in, one JSON document out.
pub fn main() -> ExitCode {
    let (version, result) = run();
    let (document, code) = match result {
        Ok(document) => (document, ExitCode::SUCCESS),
        Err(failure) => (Some(outcome::failed(version, &failure)), ExitCode::FAILURE),
    };
    let printed = document.map_or(Ok(()), |document| {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &document)?;
        out.write_all(b"\n")
    });
    if printed.is_ok() { code } else { ExitCode::FAILURE }
}

fn run() -> (&'static str, Result<Option<Value>, Failure>) {
    let verb = match environment::verb() {
        Ok(verb) => verb,
        Err(failure) => return ("1.0.0", Err(failure)),
    };
    let bytes = match config::read() {
        Ok(bytes) => bytes,
        Err(failure) => return ("1.0.0", Err(failure)),
    };
    let version = config::version_of(&bytes);
    if verb == Verb::Version {
        let newest = VERSIONS[VERSIONS.len() - 1];
        return (
            version,
            Ok(Some(outcome::versions(if bytes.is_empty() { newest } else { version }))),
        );
    }
    let result = NetworkConfig::parse(&bytes).and_then(|config| match verb {
        Verb::Add => add(config).map(Some),
        Verb::Del => del(&config).map(|()| None),
        Verb::Check => check(&config).map(|()| None),
        Verb::Gc => gc(config).map(|()| None),
        Verb::Status => status(&config).map(|()| None),
        Verb::Version => Ok(None),
    });
    (version, result)
}

fn add(config: NetworkConfig) -> Result<Value, Failure> {
    let attachment = environment::attachment()?;
    let netns = environment::netns()?;
    let pod = environment::pod()?;
    config.refuse_unsupported()?;
    let namespace = open_namespace(&netns)?;
    let ifname = attachment.ifname.clone();
    let request = Request::Add { attachment, pod, netns: netns.clone() };
    match call(&config.socket, &request, Some(namespace.as_fd())) {
        Ok(Reply::Added(attached)) => {
            Ok(outcome::added(config.version, &ifname, &netns, &attached, config.previous))
        }
        Ok(Reply::Failed(failure)) => Err(failure),
        Ok(Reply::Done) => Err(unexpected()),
        Err(error) => Err(unreachable(&config.socket, code::TRY_LATER, &error)),
    }
}

/// DEL succeeds whatever the state of the agent: what it cannot do now it finds in the queue.
fn del(config: &NetworkConfig) -> Result<(), Failure> {
    let attachment = environment::attachment()?;
    let request = Request::Del { attachment: attachment.clone() };
    match call(&config.socket, &request, None) {
        Ok(Reply::Failed(failure)) => Err(failure),
        Ok(_) => Ok(()),
        Err(_) => del_later(config, &request, &attachment),
    }
}

fn del_later(
    config: &NetworkConfig,
    request: &Request,
    attachment: &AttachmentKey,
) -> Result<(), Failure> {
    let failed = |error: &io::Error| {
        let msg = "the skep agent is away and the deletion cannot be queued";
        Failure::new(code::TRY_LATER, msg).because(error)
    };
    let queue = queue::Deletions::beside(&config.socket);
    // While this lock is held no agent can drain the queue, so either the agent answers now or
    // the next one finds the file.
    let _held = queue.lock_shared().map_err(|e| failed(&e))?;
    match call(&config.socket, request, None) {
        Ok(Reply::Failed(failure)) => Err(failure),
        Ok(_) => Ok(()),
        Err(_) => queue.push(attachment).map_err(|e| failed(&e)),
    }
}

fn check(config: &NetworkConfig) -> Result<(), Failure> {
    let attachment = environment::attachment()?;
    let netns = environment::netns()?;
    if config.previous.is_none() {
        let msg = "network configuration: prevResult is missing, CHECK compares with it";
        return Err(Failure::new(code::INVALID_CONFIG, msg));
    }
    let namespace = open_namespace(&netns)?;
    let request = Request::Check { attachment, addresses: config.previous_addresses() };
    done(config, &request, Some(&namespace), code::TRY_LATER)
}

fn gc(config: NetworkConfig) -> Result<(), Failure> {
    // An absent list must not be taken for an empty one: that would remove every container.
    let Some(valid) = config.valid.clone() else {
        let msg = "network configuration: cni.dev/valid-attachments is missing";
        return Err(Failure::new(code::INVALID_CONFIG, msg));
    };
    done(&config, &Request::Gc { valid }, None, code::TRY_LATER)
}

fn status(config: &NetworkConfig) -> Result<(), Failure> {
    done(config, &Request::Status, None, code::NOT_AVAILABLE)
}

fn done(
    config: &NetworkConfig,
    request: &Request,
    namespace: Option<&File>,
    unreachable_code: u32,
) -> Result<(), Failure> {
    match call(&config.socket, request, namespace.map(AsFd::as_fd)) {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Failed(failure)) => Err(failure),
        Ok(Reply::Added(_)) => Err(unexpected()),
        Err(error) => Err(unreachable(&config.socket, unreachable_code, &error)),
    }
}

/// Opens the pod's namespace; the agent, which may live in another mount namespace, gets the
/// descriptor. The host's own namespace is refused.
fn open_namespace(path: &str) -> Result<File, Failure> {
    let refused = |reason: &str| {
        Failure::new(code::INVALID_ENVIRONMENT, format!("CNI_NETNS {path} {reason}"))
    };
    // A link could lead anywhere; those of /proc are the kernel's own.
    let flags = if path.starts_with("/proc/") { 0 } else { libc::O_NOFOLLOW };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags | libc::O_NONBLOCK)
        .open(path)
        .map_err(|e| refused("cannot be opened").because(&e))?;
    let identity = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino()));
    let host = File::open("/proc/self/ns/net").and_then(|host| identity(&host));
    match (identity(&file), host) {
        (Ok(pod), Ok(host)) if pod.0 != host.0 => Err(refused("is not a network namespace")),
        (Ok(pod), Ok(host)) if pod == host => Err(refused("is the host's own network namespace")),
        (Ok(_), Ok(_)) => Ok(file),
        (Err(e), _) | (_, Err(e)) => {
            Err(Failure::new(code::IO_FAILURE, "cannot look at network namespaces").because(&e))
        }
    }
}

fn unreachable(socket: &Path, code: u32, error: &io::Error) -> Failure {
    let msg = format!(
        "the skep agent does not answer on {}; see the logs of the skep pod of this node",
        socket.display()
    );
    Failure::new(code, msg).because(error)
}

fn unexpected() -> Failure {
    Failure::new(code::IO_FAILURE, "the skep agent answered something else than was asked")
}
