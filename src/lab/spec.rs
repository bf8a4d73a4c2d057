//! What the user asked for: name, size and modes of a lab.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::config::{IpFamilies, Routing};

/// Largest number of nodes: their addresses share one /24.
pub const MAX_NODES: u16 = 200;

/// A lab's name: it becomes a directory, a cgroup and part of host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabName(String);

/// Not a name a lab can have.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a lab name: use 1 to 32 of a-z, 0-9 and -, starting with a letter")]
pub struct InvalidName {
    text: String,
}

impl LabName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LabName {
    fn default() -> Self {
        Self("skep".into())
    }
}

impl FromStr for LabName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.chars().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName { text: text.to_owned() }) }
    }
}

impl TryFrom<String> for LabName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<LabName> for String {
    fn from(name: LabName) -> Self {
        name.0
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prefix lengths of nodes' pod CIDRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodMasks {
    /// Of IPv4, 24 to 30.
    pub v4: u8,
    /// Of IPv6, 64 to 126.
    pub v6: u8,
}

impl Default for PodMasks {
    fn default() -> Self {
        Self { v4: 24, v6: 64 }
    }
}

/// A lab as asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabSpec {
    /// Name.
    pub name: LabName,
    /// Number of nodes, 1 to [`MAX_NODES`].
    pub nodes: u16,
    /// How pods of different nodes meet.
    #[serde(with = "spelling")]
    pub routing: Routing,
    /// Address families of nodes and pods.
    #[serde(with = "spelling")]
    pub ip_family: IpFamilies,
    /// Sizes of the nodes' pod CIDRs.
    #[serde(default)]
    pub pod_masks: PodMasks,
}

/// Settings are stored as flags spell them.
mod spelling {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_directory_are_refused() {
        for text in ["", "..", "a/b", "A", "-a", "a-", "1a", &"a".repeat(33)] {
            assert!(text.parse::<LabName>().is_err(), "{text:?}");
        }
        assert_eq!("skep-2".parse::<LabName>().unwrap().as_str(), "skep-2");
    }
}
