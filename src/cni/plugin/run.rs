//! From one call of the runtime to one document.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tracing::{debug, info, level_filters::LevelFilter, warn};

use super::{
    agent::{Agent, NoAnswer},
    config::{Document, InvalidDocument, NetworkConfig},
    environment::{self, Call},
    error::PluginError,
    input, namespace, outcome,
    verb::Verb,
    version::Version,
};
use crate::{
    cni::{
        queue::Deletions,
        wire::{Attached, AttachmentKey, Reply, Request},
    },
    kernel::NetNs,
    model::PodRef,
};

/// How long the lock of the queue may be held to find out whether somebody listens.
const LAST_LOOK: Duration = Duration::from_millis(200);

/// Pause before an agent that went away in the middle is asked again.
const RETRY: Duration = Duration::from_millis(50);

/// Runs the plugin: environment and standard input in, one JSON document out.
pub fn main() -> ExitCode {
    let mut version = Version::LATEST;
    let (document, code) = match run(&mut version) {
        Ok(document) => (document, ExitCode::SUCCESS),
        Err(error) => (Some(error.document(version)), ExitCode::FAILURE),
    };
    let Some(document) = document else { return code };
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{document}").and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Does what was asked. `version` becomes the one to answer in as soon as it is known.
fn run(version: &mut Version) -> Result<Option<Value>, PluginError> {
    let verb = environment::verb(environment::of_process)?;
    let text = input::read(io::stdin().lock())?;
    if verb == Verb::Version {
        return versions(&text).map(Some);
    }
    let document = Document::parse(&text)?;
    *version = document.version;
    if *version < verb.since() {
        return Err(PluginError::TooOld { verb, version: *version });
    }
    let call = environment::call(verb, environment::of_process)?;
    let config = document.config()?;
    log_to_stderr(config.log_level);
    let asked = call.to_string();
    let session = Session { verb, deadline: Instant::now() + verb.patience(), config };
    let done = session.perform(*version, call);
    match &done {
        Ok(_) => info!(%verb, %asked, "done"),
        Err(error) => warn!(%verb, %asked, %error, "failed"),
    }
    done
}

/// VERSION must work for runtimes that speak another version, or none yet.
fn versions(text: &[u8]) -> Result<Value, PluginError> {
    let version = match Document::parse(text) {
        Ok(document) => document.version,
        Err(
            InvalidDocument::Empty
            | InvalidDocument::NoVersion
            | InvalidDocument::Unsupported { .. },
        ) => Version::LATEST,
        Err(error) => return Err(error.into()),
    };
    Ok(json!({
        "cniVersion": version.as_str(),
        "supportedVersions": Version::ALL.map(Version::as_str),
    }))
}

fn log_to_stderr(level: LevelFilter) {
    if level != LevelFilter::OFF {
        // Only a test process could have set up logging before.
        let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).try_init();
    }
}

/// A call with everything that it needs.
struct Session {
    verb: Verb,
    deadline: Instant,
    config: NetworkConfig,
}

impl Session {
    fn perform(self, version: Version, call: Call) -> Result<Option<Value>, PluginError> {
        match call {
            Call::Add { attachment, netns, pod } => {
                self.check_wishes(&attachment)?;
                let namespace = namespace::open(&netns)?;
                let netns = netns.to_string_lossy().into_owned();
                let attached = self.add(&attachment, pod, &netns, &namespace)?;
                let previous = self.config.previous;
                Ok(Some(outcome::render(version, &attachment, &netns, &attached, previous)))
            }
            Call::Del { attachment } => self.delete(attachment).map(|()| None),
            Call::Check { attachment, netns } => {
                let namespace = namespace::open(&netns)?;
                let previous =
                    self.config.previous.as_ref().ok_or(PluginError::NoPreviousResult)?;
                let addresses = previous.addresses_of(&attachment.ifname);
                let request = Request::Check { attachment, addresses };
                self.finish(self.ask(&request, Some(&namespace))?)
            }
            Call::Gc => {
                let valid = self.config.valid.clone().ok_or(PluginError::NoAttachments)?;
                self.finish(self.ask(&Request::Gc { valid }, None)?)
            }
            Call::Status => self.finish(self.ask(&Request::Status, None)?),
            Call::Version => Ok(None),
        }
    }

    /// Refuses what skep could only ignore, before anything is made.
    fn check_wishes(&self, attachment: &AttachmentKey) -> Result<(), PluginError> {
        if self.config.delegates_ipam {
            return Err(PluginError::Ipam);
        }
        if let Some(wish) = self.config.runtime.unfulfilled() {
            return Err(wish.into());
        }
        let previous = self.config.previous.as_ref();
        if previous.is_some_and(|previous| previous.has_in_container(&attachment.ifname)) {
            return Err(PluginError::Occupied { ifname: attachment.ifname.clone() });
        }
        Ok(())
    }

    fn add(
        &self,
        attachment: &AttachmentKey,
        pod: Option<PodRef>,
        netns: &str,
        namespace: &NetNs,
    ) -> Result<Attached, PluginError> {
        let attachment = attachment.clone();
        let request = Request::Add { attachment, pod, netns: netns.to_owned() };
        match self.ask(&request, Some(namespace))? {
            Reply::Added(attached) => Ok(attached),
            Reply::Failed(failure) => Err(PluginError::Refused(failure)),
            Reply::Done => Err(self.unexpected()),
        }
    }

    /// Asks the agent, or leaves the request where the next one finds it before it serves.
    fn delete(&self, attachment: AttachmentKey) -> Result<(), PluginError> {
        let request = Request::Del { attachment: attachment.clone() };
        let queue = Deletions::beside(self.socket());
        loop {
            match self.ask(&request, None) {
                Err(PluginError::NoAnswer { source, .. }) if source.is_gone() => {}
                reply => return self.finish(reply?).map(|_| ()),
            }
            let lock = queue.lock_shared().map_err(|e| self.not_queued(e))?;
            let last_look = Instant::now() + LAST_LOOK;
            match Agent::connect(self.socket(), last_look.min(self.deadline)) {
                Err(NoAnswer::Down { .. }) => {
                    debug!("no agent, the delete is queued");
                    return queue.push(&attachment).map_err(|e| self.not_queued(e));
                }
                // Somebody listens again, or the next try will tell what is wrong.
                Ok(_) | Err(_) => drop(lock),
            }
            thread::sleep(RETRY);
        }
    }

    fn ask(&self, request: &Request, netns: Option<&NetNs>) -> Result<Reply, PluginError> {
        Agent::connect(self.socket(), self.deadline)
            .and_then(|agent| agent.ask(request, netns))
            .map_err(|source| PluginError::NoAnswer { verb: self.verb, source })
    }

    fn finish(&self, reply: Reply) -> Result<Option<Value>, PluginError> {
        match reply {
            Reply::Done => Ok(None),
            Reply::Failed(failure) => Err(PluginError::Refused(failure)),
            Reply::Added(_) => Err(self.unexpected()),
        }
    }

    fn not_queued(&self, source: io::Error) -> PluginError {
        PluginError::Queue { socket: self.socket().to_owned(), source }
    }

    fn unexpected(&self) -> PluginError {
        let source = NoAnswer::Nonsense { socket: self.socket().to_owned(), source: None };
        PluginError::NoAnswer { verb: self.verb, source }
    }

    fn socket(&self) -> &Path {
        &self.config.socket
    }
}
