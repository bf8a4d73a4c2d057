//! From when until when a certificate is good.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::CertificateParams;

/// Clocks of machines differ: certificates are good a little before they are made.
const EARLY: SignedDuration = SignedDuration::from_mins(10);

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validity {
    /// As long as somebody trusts its authority.
    #[default]
    Always,
    /// Between two times.
    Between(Timestamp, Timestamp),
}

impl Validity {
    /// Begins a little before `now` and lasts `life` from then.
    pub fn lasting(now: Timestamp, life: SignedDuration) -> Self {
        let from = now.checked_sub(EARLY).unwrap_or(now);
        let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
        Self::Between(from, until)
    }

    pub(super) fn apply(self, params: &mut CertificateParams) {
        let Self::Between(from, until) = self else { return };
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let at = |time: Timestamp| {
            epoch + Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
        };
        params.not_before = at(from);
        params.not_after = at(until);
    }
}
