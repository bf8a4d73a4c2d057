//! What the runtime can ask for.

use std::{fmt, str::FromStr, time::Duration};

use super::version::Version;

/// The value of `CNI_COMMAND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Del,
    Check,
    Gc,
    Status,
    Version,
}

/// Not a command of CNI.
#[derive(Debug)]
pub(super) struct UnknownVerb;

impl Verb {
    /// Returns the first version of the specification that has the verb.
    pub(super) const fn since(self) -> Version {
        match self {
            Self::Add | Self::Del | Self::Version => Version::V0_3_1,
            Self::Check => Version::V0_4_0,
            Self::Gc | Self::Status => Version::V1_1_0,
        }
    }

    /// Returns how long the agent may take. Runtimes themselves give up after minutes.
    pub(super) const fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Add => 30,
            Self::Del | Self::Check => 15,
            Self::Gc => 60,
            Self::Status | Self::Version => 5,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }
}

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        let all = [Self::Add, Self::Del, Self::Check, Self::Gc, Self::Status, Self::Version];
        all.into_iter().find(|verb| verb.as_str() == text).ok_or(UnknownVerb)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
