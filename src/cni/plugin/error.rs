//! Failures in CNI's terms.

use std::{error::Error, io, path::PathBuf};

use serde_json::{Value, json};

use super::{
    agent::NoAnswer,
    capability::Unfulfilled,
    config::{InvalidConfig, InvalidDocument},
    environment::InvalidEnvironment,
    input::InputError,
    namespace::InvalidNamespace,
    verb::Verb,
    version::Version,
};
use crate::cni::{failure::code, wire::Failure};

/// The call failed. Runtimes show people the message and the details, not the code, so a message
/// says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum PluginError {
    #[error(transparent)]
    Environment(#[from] InvalidEnvironment),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    #[error("{verb} needs cniVersion {} or later, the network configuration has {version}", .verb.since())]
    TooOld { verb: Verb, version: Version },
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    #[error(transparent)]
    Unfulfilled(#[from] Unfulfilled),
    #[error(
        "ipam is not supported by skep-cni: it takes addresses from the node's pod CIDRs; remove the key"
    )]
    Ipam,
    #[error(
        "prevResult already has the interface {ifname} in the container; skep-cni makes it, so it must come first in the list of plugins"
    )]
    Occupied { ifname: String },
    #[error("prevResult is missing; CHECK compares the container with it")]
    NoPreviousResult,
    #[error(
        "cni.dev/valid-attachments is missing; GC without it would remove every pod's interface"
    )]
    NoAttachments,
    #[error(transparent)]
    Namespace(#[from] InvalidNamespace),
    #[error("{source}")]
    NoAnswer {
        verb: Verb,
        #[source]
        source: NoAnswer,
    },
    #[error("the skep agent is away and the delete cannot be queued beside {socket}")]
    Queue {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}", .0.msg)]
    Refused(Failure),
}

impl PluginError {
    fn code(&self) -> u32 {
        match self {
            Self::TooOld { .. }
            | Self::Document(InvalidDocument::NoVersion | InvalidDocument::Unsupported { .. }) => {
                code::INCOMPATIBLE_VERSION
            }
            Self::Unfulfilled(_) | Self::Ipam => code::UNSUPPORTED_FIELD,
            Self::Environment(_) | Self::Namespace(_) => code::INVALID_ENVIRONMENT,
            Self::Input(InputError::Read(_) | InputError::Late)
            | Self::NoAnswer { source: NoAnswer::Connect { .. } | NoAnswer::TooLong(_), .. } => {
                code::IO_FAILURE
            }
            Self::Input(InputError::Large) | Self::Document(_) => code::DECODE_FAILURE,
            Self::Config(_)
            | Self::Occupied { .. }
            | Self::NoPreviousResult
            | Self::NoAttachments => code::INVALID_CONFIG,
            Self::NoAnswer { verb: Verb::Status, .. } => code::NOT_AVAILABLE,
            Self::NoAnswer { .. } | Self::Queue { .. } => code::TRY_LATER,
            Self::Refused(failure) => failure.code,
        }
    }

    /// Returns the document that goes to standard output.
    pub(super) fn document(&self, version: Version) -> Value {
        let details = match self {
            Self::Refused(failure) => failure.details.clone(),
            Self::NoAnswer { source, .. } => causes(source),
            _ => causes(self),
        };
        let mut document = json!({
            "cniVersion": version.as_str(),
            "code": self.code(),
            "msg": self.to_string(),
        });
        if !details.is_empty() {
            document["details"] = details.into();
        }
        document
    }
}

fn causes(error: &dyn Error) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts.join(": ")
}
