//! Names that are safe in paths, messages and kernel calls.

use std::str::FromStr;

/// Longest name of a container or network. Runtimes use 64 characters; file names end at 255.
const LONGEST_NAME: usize = 128;

/// Longest name of an interface, without the kernel's final zero.
const LONGEST_IFNAME: usize = 15;

/// Why a name cannot be used. The name itself is not repeated: it may be hostile, or huge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidName {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Too many bytes.
    #[error("has {length} bytes, more than {limit}")]
    Long { length: usize, limit: usize },
    /// Something else than CNI's names have.
    #[error("must be letters, digits, '_', '.' and '-', and begin with a letter or digit")]
    Characters,
    /// Something that the kernel refuses.
    #[error(
        "is no name for an interface: it must not be '.', '..' or have '/', ':' or white space"
    )]
    Interface,
}

/// Name of a container or of a network, as the CNI specification allows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

/// Name of an interface, as the kernel allows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IfName(String);

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check_length(text, LONGEST_NAME)?;
        let plain = |c: char| c.is_ascii_alphanumeric();
        if text.starts_with(plain) && text.chars().all(|c| plain(c) || "_.-".contains(c)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Characters)
        }
    }
}

impl FromStr for IfName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check_length(text, LONGEST_IFNAME)?;
        let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
        if text == "." || text == ".." || text.contains(bad) {
            return Err(InvalidName::Interface);
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<IfName> for String {
    fn from(name: IfName) -> Self {
        name.0
    }
}

fn check_length(text: &str, limit: usize) -> Result<(), InvalidName> {
    match text.len() {
        0 => Err(InvalidName::Empty),
        length if length > limit => Err(InvalidName::Long { length, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_names_cannot_leave_a_directory() {
        for good in ["a", "0123abc", "k8s_pod-1.2", &"f".repeat(128)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a/b", "a:b", "-a", "_a", "a b", "é", "a\n", "a\0"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert!("f".repeat(129).parse::<Name>().is_err());
    }

    #[test]
    fn interface_names_are_those_of_the_kernel() {
        for good in ["eth0", "net1", "a", "eth0.100", "fifteen-letters"] {
            assert!(good.parse::<IfName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "eth0:1", "et h0", "sixteen-letters-", "a\tb", "a\0"] {
            assert!(bad.parse::<IfName>().is_err(), "{bad:?}");
        }
    }
}
