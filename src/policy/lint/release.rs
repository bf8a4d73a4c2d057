//! Releases of Cilium, which some findings depend on.

use std::{fmt, str::FromStr};

/// A release, such as 1.17.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u16,
    minor: u16,
}

/// A text is no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a release such as 1.17")]
pub struct NoRelease;

impl FromStr for Release {
    type Err = NoRelease;

    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut part = || parts.next().and_then(|part| part.parse().ok()).ok_or(NoRelease);
        Ok(Self { major: part()?, minor: part()? })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The first release whose CRDs take toServices beside toPorts, that isolates no requests without
/// default deny, and for which peers without a cluster are those of its own.
const CHANGED: Release = Release { major: 1, minor: 18 };

/// Tells whether policies may be for releases before 1.18; those for any release may.
pub(super) fn may_be_old(release: Option<Release>) -> bool {
    release.is_none_or(|release| release < CHANGED)
}

/// Tells whether policies may be for release 1.18 and later ones; those for any release may.
pub(super) fn may_be_new(release: Option<Release>) -> bool {
    release.is_none_or(|release| release >= CHANGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        let release = |text: &str| text.parse::<Release>();
        assert_eq!(release("v1.17.3").map(|r| r.to_string()), Ok("1.17".to_owned()));
        assert_eq!((release("1"), release("one")), (Err(NoRelease), Err(NoRelease)));
        assert!(release("1.9").ok() < release("1.18").ok() && may_be_old(release("1.9").ok()));
        assert!(!may_be_old(release("1.18").ok()) && may_be_new(release("2.0").ok()));
        assert!(may_be_old(None) && may_be_new(None));
    }
}
