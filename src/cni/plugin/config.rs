//! The network configuration on standard input.
//!
//! It may hold other people's secrets: no value of it is ever shown, except the version.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;

use super::{
    capability::RuntimeConfig,
    name::{IfName, InvalidName, Name},
    previous::{InvalidResult, PreviousResult},
    version::{UnknownVersion, Version},
};
use crate::cni::wire::AttachmentKey;

/// Where the agent listens unless the configuration says otherwise.
const SOCKET: &str = "/run/skep/cni.sock";

/// Longest path of a Unix socket.
const LONGEST_SOCKET: usize = 107;

/// A JSON object that says which version it speaks.
#[derive(Debug)]
pub(super) struct Document {
    /// Version of the specification.
    pub(super) version: Version,
    fields: Map<String, Value>,
}

/// A configuration that skep can work with.
#[derive(Debug)]
pub(super) struct NetworkConfig {
    /// The agent's socket.
    pub(super) socket: PathBuf,
    /// What is logged to standard error.
    pub(super) log_level: LevelFilter,
    /// What was made before.
    pub(super) previous: Option<PreviousResult>,
    /// The attachments that GC must keep; none when the key is absent.
    pub(super) valid: Option<Vec<AttachmentKey>>,
    /// What the runtime wishes.
    pub(super) runtime: RuntimeConfig,
    /// Whether another plugin is to assign addresses.
    pub(super) delegates_ipam: bool,
}

/// Standard input is not a document of a version that skep speaks.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidDocument {
    #[error("there is no network configuration on standard input")]
    Empty,
    #[error("the network configuration is not valid JSON (line {line}, column {column})")]
    Syntax { line: usize, column: usize },
    #[error("the network configuration is not a JSON object")]
    Shape,
    #[error("the network configuration has no cniVersion; set one of {}", Version::list())]
    NoVersion,
    #[error(
        "cniVersion of the network configuration is no version; set one of {}",
        Version::list()
    )]
    Malformed,
    #[error("cniVersion {found} is not supported; set one of {}", Version::list())]
    Unsupported { found: String },
}

/// Fields cannot be used; all of them are listed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network configuration is not usable: {}", list(.0))]
pub(super) struct InvalidConfig(Vec<(&'static str, Problem)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("is missing")]
    Missing,
    #[error("must be a string")]
    Text,
    #[error("must be an object")]
    Object,
    #[error("must be a list of objects with containerID and ifname that CNI allows")]
    Attachments,
    #[error("must be the name of a file, without '/'")]
    FileName,
    #[error("must be an absolute path of at most {LONGEST_SOCKET} bytes")]
    Socket,
    #[error("must be off, error, warn, info or debug")]
    Level,
    #[error("has a capability of the wrong shape")]
    Capability,
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Result(#[from] InvalidResult),
}

fn list(problems: &[(&'static str, Problem)]) -> String {
    let texts: Vec<_> = problems.iter().map(|(key, why)| format!("{key} {why}")).collect();
    texts.join("; ")
}

impl Document {
    /// Reads the outermost level.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, InvalidDocument> {
        if bytes.trim_ascii().is_empty() {
            return Err(InvalidDocument::Empty);
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|e| InvalidDocument::Syntax { line: e.line(), column: e.column() })?;
        let Value::Object(fields) = value else { return Err(InvalidDocument::Shape) };
        let version = match fields.get("cniVersion") {
            None | Some(Value::Null) => return Err(InvalidDocument::NoVersion),
            Some(Value::String(text)) => text.parse().map_err(|unknown| match unknown {
                UnknownVersion::Malformed => InvalidDocument::Malformed,
                UnknownVersion::Unsupported => InvalidDocument::Unsupported { found: text.clone() },
            })?,
            Some(_) => return Err(InvalidDocument::Malformed),
        };
        Ok(Self { version, fields })
    }

    /// Reads every field that skep knows.
    pub(super) fn config(self) -> Result<NetworkConfig, InvalidConfig> {
        let mut fields = Fields { fields: self.fields, problems: Vec::new() };
        fields.needed("name", |text| Ok(text.parse::<Name>()?));
        fields.needed("type", file_name);
        let config = NetworkConfig {
            socket: fields.text("socket", socket).unwrap_or_else(|| SOCKET.into()),
            log_level: fields.text("logLevel", level).unwrap_or(LevelFilter::OFF),
            previous: fields.take("prevResult", |value| Ok(PreviousResult::parse(value)?)),
            valid: fields.take("cni.dev/valid-attachments", attachments),
            runtime: fields
                .take("runtimeConfig", |value| match value {
                    Value::Object(_) => {
                        serde_json::from_value(value).map_err(|_| Problem::Capability)
                    }
                    _ => Err(Problem::Object),
                })
                .unwrap_or_default(),
            delegates_ipam: fields
                .take("ipam", |value| match value {
                    Value::Object(ipam) => Ok(!ipam.is_empty()),
                    _ => Err(Problem::Object),
                })
                .unwrap_or_default(),
        };
        if fields.problems.is_empty() { Ok(config) } else { Err(InvalidConfig(fields.problems)) }
    }
}

struct Fields {
    fields: Map<String, Value>,
    problems: Vec<(&'static str, Problem)>,
}

impl Fields {
    /// Takes a field; null counts as absent, as in Go.
    fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.fields.remove(key).filter(|value| !value.is_null())?;
        read(value).map_err(|problem| self.problems.push((key, problem))).ok()
    }

    fn text<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        self.take(key, |value| match value {
            Value::String(text) => read(&text),
            _ => Err(Problem::Text),
        })
    }

    /// Checks a field that must be there, although nothing depends on its value.
    fn needed<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Result<T, Problem>) {
        if self.fields.get(key).is_none_or(Value::is_null) {
            self.problems.push((key, Problem::Missing));
        } else {
            let _ = self.text(key, read);
        }
    }
}

/// Runtimes look the plugin up by its type; a path in it has let them run other files.
fn file_name(text: &str) -> Result<(), Problem> {
    let plain = !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '\0']);
    if plain { Ok(()) } else { Err(Problem::FileName) }
}

fn socket(text: &str) -> Result<PathBuf, Problem> {
    let fits =
        Path::new(text).is_absolute() && text.len() <= LONGEST_SOCKET && !text.contains('\0');
    if fits { Ok(text.into()) } else { Err(Problem::Socket) }
}

fn level(text: &str) -> Result<LevelFilter, Problem> {
    match text {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(Problem::Level),
    }
}

fn attachments(value: Value) -> Result<Vec<AttachmentKey>, Problem> {
    let list = Vec::<AttachmentKey>::deserialize(value).map_err(|_| Problem::Attachments)?;
    let usable = list.iter().all(|attachment| {
        attachment.container_id.parse::<Name>().is_ok()
            && attachment.ifname.parse::<IfName>().is_ok()
    });
    if usable { Ok(list) } else { Err(Problem::Attachments) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(change: Value) -> String {
        let mut config = json!({"cniVersion": "1.1.0", "name": "skep", "type": "skep-cni"});
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        let document = Document::parse(config.to_string().as_bytes()).unwrap();
        document.config().err().map(|error| list(&error.0)).unwrap_or_default()
    }

    #[test]
    fn every_bad_field_is_named_and_no_value_is_shown() {
        for (change, expected) in [
            (json!({"name": null}), "name is missing"),
            (json!({"name": 5}), "name must be a string"),
            (json!({"name": "secret/../x"}), "name must be letters"),
            (json!({"type": "../secret"}), "type must be the name of a file"),
            (json!({"type": ""}), "type must be the name of a file"),
            (json!({"socket": "secret.sock"}), "socket must be an absolute path"),
            (json!({"socket": format!("/{}", "x".repeat(107))}), "socket must be an absolute path"),
            (json!({"logLevel": "secret"}), "logLevel must be off"),
            (json!({"logLevel": {}}), "logLevel must be a string"),
            (json!({"prevResult": "secret"}), "prevResult must be an object"),
            (json!({"runtimeConfig": ["secret"]}), "runtimeConfig must be an object"),
            (json!({"runtimeConfig": {"mac": "secret"}}), "runtimeConfig has a capability"),
            (json!({"ipam": "secret"}), "ipam must be an object"),
            (json!({"cni.dev/valid-attachments": {}}), "cni.dev/valid-attachments must be a list"),
            (
                json!({"cni.dev/valid-attachments": [{"containerID": "../secret", "ifname": "a"}]}),
                "cni.dev/valid-attachments must be a list",
            ),
            (json!({"name": 1, "type": 2}), "name must be a string; type must be a string"),
        ] {
            let found = problems(change.clone());
            assert!(found.starts_with(expected), "{change}: {found:?}");
            assert!(!found.contains("secret"), "{found}");
        }
    }

    #[test]
    fn unknown_keys_and_nulls_are_ignored() {
        let change = json!({"capabilities": {"x": true}, "token": "t", "ipam": {}, "dns": null,
            "prevResult": null, "cni.dev/valid-attachments": null, "socket": null});
        assert_eq!(problems(change), "");
    }
}
