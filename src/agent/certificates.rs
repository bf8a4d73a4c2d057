//! Until when the certificates that the agent uses are good.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// The certificate that other machines are shown by the Hubble API; the agent has no other.
const HUBBLE: &str = "hubble-server";

/// Ends of certificates.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    hubble: AtomicI64,
}

impl Certificates {
    /// Notes until when the certificate of the Hubble API is good.
    pub(super) fn set_hubble(&self, until: Option<Timestamp>) {
        self.hubble.store(until.map_or(0, Timestamp::as_second), Ordering::Relaxed);
    }

    /// Returns the certificates that are in use, with the second of 1970's.
    pub(super) fn all(&self) -> Option<(&'static str, u64)> {
        let second = u64::try_from(self.hubble.load(Ordering::Relaxed)).ok()?;
        (second > 0).then_some((HUBBLE, second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_certificate_that_is_there_has_an_end() {
        let certificates = Certificates::default();
        assert_eq!(certificates.all(), None);
        certificates.set_hubble(Timestamp::from_second(1_900_000_000).ok());
        assert_eq!(certificates.all(), Some((HUBBLE, 1_900_000_000)));
        certificates.set_hubble(None);
        assert_eq!(certificates.all(), None);
    }
}
