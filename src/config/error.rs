//! What is wrong with the settings.

use std::{fmt, path::PathBuf};

/// One bad setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting's key, which is also its flag.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// Why it cannot be used.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} {}", self.key, self.value, self.reason)
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// The file that was asked for cannot be read.
    #[error("cannot read the configuration file {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a YAML mapping.
    #[error("the configuration file {path} is not a YAML mapping of settings")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_yaml::Error,
    },
    /// Fields have unusable values; all of them are listed.
    #[error("invalid settings: {}", list(.0))]
    Fields(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
