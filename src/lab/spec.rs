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

/// What is asked of a lab. What is not has a default in a new lab; a lab that is there is as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    /// Number of nodes.
    pub nodes: Option<u16>,
    /// How pods of different nodes meet.
    pub routing: Option<Routing>,
    /// Address families.
    pub ip_family: Option<IpFamilies>,
    /// Prefix length of nodes' IPv4 pod CIDRs.
    pub pod_mask_v4: Option<u8>,
    /// Prefix length of nodes' IPv6 pod CIDRs.
    pub pod_mask_v6: Option<u8>,
}

impl Shape {
    /// The routing of a new lab.
    pub const ROUTING: Routing = Routing::Vxlan;

    /// Describes a new lab.
    pub fn spec(self, name: LabName) -> LabSpec {
        let masks = PodMasks::default();
        LabSpec {
            name,
            nodes: self.nodes.unwrap_or(3),
            routing: self.routing.unwrap_or(Self::ROUTING),
            ip_family: self.ip_family.unwrap_or(IpFamilies::Dual),
            pod_masks: PodMasks {
                v4: self.pod_mask_v4.unwrap_or(masks.v4),
                v6: self.pod_mask_v6.unwrap_or(masks.v6),
            },
        }
    }

    /// Returns how a lab differs from what is asked, as flags spell it; none when it does not.
    pub(crate) fn misfit(self, spec: &LabSpec) -> Option<String> {
        let wanted = self.spec(spec.name.clone());
        let lists = [
            ("--nodes", self.nodes.is_some(), wanted.nodes.to_string(), spec.nodes.to_string()),
            (
                "--routing",
                self.routing.is_some(),
                wanted.routing.to_string(),
                spec.routing.to_string(),
            ),
            (
                "--ip-family",
                self.ip_family.is_some(),
                wanted.ip_family.to_string(),
                spec.ip_family.to_string(),
            ),
            (
                "--node-cidr-mask-size-ipv4",
                self.pod_mask_v4.is_some(),
                wanted.pod_masks.v4.to_string(),
                spec.pod_masks.v4.to_string(),
            ),
            (
                "--node-cidr-mask-size-ipv6",
                self.pod_mask_v6.is_some(),
                wanted.pod_masks.v6.to_string(),
                spec.pod_masks.v6.to_string(),
            ),
        ];
        let others = lists.iter().filter(|(_, asked, wanted, has)| *asked && wanted != has);
        let text: Vec<String> = others.map(|(flag, .., has)| format!("{flag} {has}")).collect();
        (!text.is_empty()).then(|| text.join(" "))
    }
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
    fn a_lab_fits_what_is_asked_and_what_is_not_does_not_matter() {
        let name: LabName = "a".parse().unwrap();
        let shape = Shape { nodes: Some(2), ip_family: Some(IpFamilies::V6), ..Shape::default() };
        let spec = shape.spec(name.clone());
        assert_eq!((spec.nodes, spec.pod_masks.v4), (2, 24));
        assert_eq!(shape.misfit(&spec), None);
        assert_eq!(Shape::default().misfit(&spec), None);
        let other = Shape::default().spec(name);
        assert_eq!(shape.misfit(&other).unwrap(), "--nodes 3 --ip-family dual");
    }

    #[test]
    fn names_that_could_leave_the_directory_are_refused() {
        for text in ["", "..", "a/b", "A", "-a", "a-", "1a", &"a".repeat(33)] {
            assert!(text.parse::<LabName>().is_err(), "{text:?}");
        }
        assert_eq!("skep-2".parse::<LabName>().unwrap().as_str(), "skep-2");
    }
}
