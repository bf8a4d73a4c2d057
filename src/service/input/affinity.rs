//! Session affinity.

/// How long a client stays with its backend after its last connection: `sessionAffinity: ClientIP` with
/// `sessionAffinityConfig.clientIP.timeoutSeconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Affinity {
    seconds: u32,
}

/// A time that the API does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an affinity of {seconds} s is not between 1 and {max} s", max = Affinity::MAX)]
pub struct InvalidAffinity {
    seconds: u32,
}

impl Affinity {
    /// The longest time that the API allows: one day.
    pub const MAX: u32 = 86_400;

    /// Returns the time.
    pub fn seconds(self) -> u32 {
        self.seconds
    }
}

impl Default for Affinity {
    /// Returns what the API fills in: three hours.
    fn default() -> Self {
        Self { seconds: 10_800 }
    }
}

impl TryFrom<u32> for Affinity {
    type Error = InvalidAffinity;

    fn try_from(seconds: u32) -> Result<Self, InvalidAffinity> {
        if (1..=Self::MAX).contains(&seconds) {
            Ok(Self { seconds })
        } else {
            Err(InvalidAffinity { seconds })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_between_a_second_and_a_day() {
        assert!(Affinity::try_from(0).is_err());
        assert_eq!(Affinity::try_from(1).expect("allowed").seconds(), 1);
        assert_eq!(Affinity::try_from(86_400).expect("allowed").seconds(), 86_400);
        let refused = Affinity::try_from(86_401).expect_err("too long");
        assert_eq!(refused.to_string(), "an affinity of 86401 s is not between 1 and 86400 s");
    }
}
