//! An entry of the file as it is written, and the target that it means.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::plan::{InvalidPlan, Rotation, Target};
use crate::{
    api::otlp::{self, Tls},
    hubble::flow::FlowFilter,
};

/// Where flows go that stand in no file.
const STDOUT: &str = "stdout";
/// How long a collector may take for an answer, if the entry does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_SIZE_MB: u64 = 10;
const MAX_BACKUPS: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) flow_logs: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    file_path: Option<String>,
    otlp: Option<Otlp>,
    #[serde(default)]
    pub(super) field_mask: Vec<String>,
    #[serde(default)]
    pub(super) include_filters: Vec<FlowFilter>,
    #[serde(default)]
    pub(super) exclude_filters: Vec<FlowFilter>,
    #[serde(default)]
    pub(super) end: Option<Timestamp>,
    file_max_size_mb: Option<u64>,
    file_max_backups: Option<usize>,
    file_compress: Option<bool>,
}

/// A collector, in the words of OpenTelemetry's own exporter, with the spelling of this file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Otlp {
    endpoint: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    timeout: Option<SignedDuration>,
    tls: Option<Secured>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Secured {
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    server_name_override: Option<String>,
    #[serde(default)]
    insecure_skip_verify: bool,
}

impl Entry {
    /// Returns where its flows go.
    pub(super) fn target(&mut self) -> Result<Target, InvalidPlan> {
        let name = || self.name.clone();
        match (self.file_path.take(), self.otlp.take()) {
            (Some(path), None) => self.file(path),
            (None, Some(collector)) => {
                let is_file = self.file_max_size_mb.is_some()
                    || self.file_max_backups.is_some()
                    || self.file_compress.is_some();
                if is_file {
                    return Err(InvalidPlan::NoFile { name: name() });
                }
                collector.target(&self.name)
            }
            _ => Err(InvalidPlan::Where { name: name() }),
        }
    }

    fn file(&self, file_path: String) -> Result<Target, InvalidPlan> {
        let name = self.name.clone();
        let megabytes = self.file_max_size_mb.unwrap_or(MAX_SIZE_MB);
        if megabytes == 0 {
            return Err(InvalidPlan::Size { name });
        }
        match PathBuf::from(&file_path) {
            _ if file_path == STDOUT => Ok(Target::Stdout),
            path if path.is_absolute() => Ok(Target::File(Rotation {
                path,
                max_bytes: megabytes.saturating_mul(1_000_000),
                backups: self.file_max_backups.unwrap_or(MAX_BACKUPS),
                compress: self.file_compress.unwrap_or_default(),
            })),
            _ => Err(InvalidPlan::Path { name, path: file_path }),
        }
    }
}

impl Otlp {
    fn target(self, name: &str) -> Result<Target, InvalidPlan> {
        let timeout = match self.timeout {
            None => TIMEOUT,
            Some(timeout) => Duration::try_from(timeout)
                .ok()
                .filter(|timeout| !timeout.is_zero())
                .ok_or_else(|| InvalidPlan::Timeout { name: name.to_owned() })?,
        };
        let tls = self.tls.map(|tls| tls.check(name)).transpose()?;
        let target = otlp::Target::new(self.endpoint, self.headers, timeout, tls);
        let target =
            target.map_err(|source| InvalidPlan::Collector { name: name.to_owned(), source })?;
        Ok(Target::Collector(target))
    }
}

impl Secured {
    fn check(self, name: &str) -> Result<Tls, InvalidPlan> {
        let own = match (self.cert_file, self.key_file) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(InvalidPlan::KeyPair { name: name.to_owned() }),
        };
        Ok(Tls {
            authorities: self.ca_file,
            own,
            name: self.server_name_override,
            anyone: self.insecure_skip_verify,
        })
    }
}
