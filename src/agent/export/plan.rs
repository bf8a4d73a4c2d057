//! What is exported: the format of Cilium's file for dynamic exporters, and collectors.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::entry::{Entry, File};
use crate::{
    api::{
        hubble::{InvalidMask, Mask},
        otlp::{self, InvalidEndpoint},
    },
    flows::{InvalidFilter, Matcher, Request, Window},
};

/// Something that is exported.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Export {
    /// What people call it.
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) request: Request,
    /// Parts of flows that are written; none means all.
    pub(super) mask: Option<Mask>,
}

/// Where flows go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Stdout,
    File(Rotation),
    Collector(otlp::Target),
}

/// A file that is not to grow without end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rotation {
    pub(super) path: PathBuf,
    /// Size at which another file begins, in bytes.
    pub(super) max_bytes: u64,
    /// Old files that are kept.
    pub(super) backups: usize,
    /// Old files are compressed by gzip.
    pub(super) compress: bool,
}

/// The file makes no sense.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidPlan {
    #[error("not a list of flowLogs")]
    Shape(#[from] serde_yaml::Error),
    #[error("flowLogs has {0:?} twice")]
    Twice(String),
    #[error("flowLogs {name}: write either filePath or otlp")]
    Where { name: String },
    #[error(
        "flowLogs {name}: fileMaxSizeMb, fileMaxBackups and fileCompress are for filePath only"
    )]
    NoFile { name: String },
    #[error("flowLogs {name}: filePath {path:?} is neither an absolute path nor stdout")]
    Path { name: String, path: String },
    #[error("flowLogs {name}: fileMaxSizeMb is 0")]
    Size { name: String },
    #[error("flowLogs {name}: otlp.timeout is not more than 0")]
    Timeout { name: String },
    #[error("flowLogs {name}: otlp.tls has one of certFile and keyFile; they go together")]
    KeyPair { name: String },
    #[error("flowLogs {name}: otlp")]
    Collector {
        name: String,
        #[source]
        source: InvalidEndpoint,
    },
    #[error("flowLogs {name}")]
    Filter {
        name: String,
        #[source]
        source: InvalidFilter,
    },
    #[error("flowLogs {name}")]
    Mask {
        name: String,
        #[source]
        source: InvalidMask,
    },
}

impl Target {
    /// Returns the file that nothing else may write meanwhile.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(rotation) => Some(&rotation.path),
            Self::Stdout | Self::Collector(_) => None,
        }
    }
}

/// Reads the file; an empty one exports nothing.
///
/// # Errors
/// When anything in it makes no sense: then nothing of it counts.
pub(super) fn parse(text: &str) -> Result<Vec<Export>, InvalidPlan> {
    let file: Option<File> = serde_yaml::from_str(text)?;
    let exports: Vec<Export> = file
        .map(|file| file.flow_logs)
        .unwrap_or_default()
        .into_iter()
        .map(Export::check)
        .collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    for Export { name, target, .. } in &exports {
        let path = target.path().map(|path| path.display().to_string());
        for what in [Some(name.clone()), path].into_iter().flatten() {
            if !seen.insert(what.clone()) {
                return Err(InvalidPlan::Twice(what));
            }
        }
    }
    Ok(exports)
}

impl Export {
    fn check(mut entry: Entry) -> Result<Self, InvalidPlan> {
        let target = entry.target()?;
        let name = entry.name;
        let request = Request {
            follow: true,
            window: Some(Window::Last(0)),
            until: entry.end,
            allow: entry.include_filters,
            deny: entry.exclude_filters,
            ..Request::default()
        };
        if let Err(source) = Matcher::compile(&request) {
            return Err(InvalidPlan::Filter { name, source });
        }
        let mask = match Mask::compile(&entry.field_mask) {
            Ok(mask) => (!entry.field_mask.is_empty()).then_some(mask),
            Err(source) => return Err(InvalidPlan::Mask { name, source }),
        };
        Ok(Self { name, target, request, mask })
    }
}
