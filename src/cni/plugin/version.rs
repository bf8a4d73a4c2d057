//! Versions of the CNI specification.

use std::{fmt, str::FromStr};

/// A version that skep speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V0_3_1,
    V0_4_0,
    V1_0_0,
    V1_1_0,
}

/// Not a version that skep speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownVersion {
    /// Not three numbers with dots.
    Malformed,
    /// Some other version.
    Unsupported,
}

impl Version {
    pub(super) const ALL: [Self; 4] = [Self::V0_3_1, Self::V0_4_0, Self::V1_0_0, Self::V1_1_0];

    /// What answers carry when the configuration does not say which version it speaks.
    pub(super) const LATEST: Self = Self::V1_1_0;

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// Returns all of them, for people.
    pub(super) fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        if let Some(known) = Self::ALL.into_iter().find(|version| version.as_str() == text) {
            return Ok(known);
        }
        let parts: Vec<_> = text.split('.').collect();
        let number = |part: &&str| part.len() < 6 && part.parse::<u16>().is_ok();
        if parts.len() == 3 && parts.iter().all(number) {
            Err(UnknownVersion::Unsupported)
        } else {
            Err(UnknownVersion::Malformed)
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_other_versions_from_nonsense() {
        for version in Version::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
        }
        for text in ["0.1.0", "0.2.0", "9.9.9", "1.2.0", "0.3.0"] {
            assert_eq!(text.parse::<Version>(), Err(UnknownVersion::Unsupported), "{text}");
        }
        for text in ["", "1", "1.1", "1.1.0.0", "v1.1.0", "1.1.x", " 1.1.0", "1.1.99999999"] {
            assert_eq!(text.parse::<Version>(), Err(UnknownVersion::Malformed), "{text}");
        }
    }
}
