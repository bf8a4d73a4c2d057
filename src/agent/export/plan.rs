//! What is exported: the format of Cilium's file for dynamic exporters.

use std::{collections::BTreeSet, path::PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    api::hubble::{InvalidMask, Mask},
    flows::{InvalidFilter, Matcher, Request, Window},
    hubble::flow::FlowFilter,
};

/// Where flows go that stand in no file.
const STDOUT: &str = "stdout";

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
    #[error("flowLogs {name}: filePath {path:?} is neither an absolute path nor stdout")]
    Path { name: String, path: String },
    #[error("flowLogs {name}: fileMaxSizeMb is 0")]
    Size { name: String },
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(default)]
    flow_logs: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    name: String,
    file_path: String,
    #[serde(default)]
    field_mask: Vec<String>,
    #[serde(default)]
    include_filters: Vec<FlowFilter>,
    #[serde(default)]
    exclude_filters: Vec<FlowFilter>,
    #[serde(default)]
    end: Option<Timestamp>,
    #[serde(default = "ten")]
    file_max_size_mb: u64,
    #[serde(default = "five")]
    file_max_backups: usize,
    #[serde(default)]
    file_compress: bool,
}

const fn ten() -> u64 {
    10
}

const fn five() -> usize {
    5
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
        if !seen.insert(name.clone()) {
            return Err(InvalidPlan::Twice(name.clone()));
        }
        if let Target::File(Rotation { path, .. }) = target {
            let path = path.display().to_string();
            if !seen.insert(path.clone()) {
                return Err(InvalidPlan::Twice(path));
            }
        }
    }
    Ok(exports)
}

impl Export {
    fn check(entry: Entry) -> Result<Self, InvalidPlan> {
        let Entry { name, file_path, .. } = entry;
        let target = match PathBuf::from(&file_path) {
            _ if file_path == STDOUT => Target::Stdout,
            path if path.is_absolute() => Target::File(Rotation {
                path,
                max_bytes: entry.file_max_size_mb.saturating_mul(1_000_000),
                backups: entry.file_max_backups,
                compress: entry.file_compress,
            }),
            _ => return Err(InvalidPlan::Path { name, path: file_path }),
        };
        if entry.file_max_size_mb == 0 {
            return Err(InvalidPlan::Size { name });
        }
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
