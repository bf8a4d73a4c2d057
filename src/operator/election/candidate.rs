//! The rules of the election. Pure: the time is an argument.

use std::time::Duration;

/// The lease as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Who holds it; empty when it was released.
    pub(super) holder: String,
    /// For how long it holds without renewal.
    pub(super) duration: Duration,
    /// Changes with every write, renewals included.
    pub(super) version: String,
}

/// What to do about the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none: make it.
    Create,
    /// It is free or has run out: take it, if nobody else was faster.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Somebody else holds it.
    Wait,
}

/// One operator in the election.
///
/// Clocks of machines are not compared: a lease has run out when this process has seen no write to
/// it for its whole duration.
#[derive(Debug)]
pub(super) struct Candidate {
    name: String,
    last: Option<(Held, Duration)>,
}

impl Candidate {
    /// Enters the election under a name that no other process has.
    pub(super) fn new(name: String) -> Self {
        Self { name, last: None }
    }

    /// Returns the name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes in the lease and says what to do.
    pub(super) fn look(&mut self, lease: Option<Held>, now: Duration) -> Step {
        let Some(lease) = lease else {
            self.last = None;
            return Step::Create;
        };
        let since = match &self.last {
            Some((before, since)) if before.version == lease.version => *since,
            _ => now,
        };
        let expired = now.saturating_sub(since) >= lease.duration;
        let step = if lease.holder == self.name {
            Step::Renew
        } else if lease.holder.is_empty() || expired {
            Step::Take
        } else {
            Step::Wait
        };
        self.last = Some((lease, since));
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    fn held(holder: &str, version: &str) -> Option<Held> {
        Some(Held { holder: holder.into(), duration: LEASE, version: version.into() })
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_missing_or_released_lease_is_taken_at_once() {
        let mut me = Candidate::new("me".into());
        assert_eq!(me.look(None, at(0)), Step::Create);
        assert_eq!(me.look(held("", "1"), at(0)), Step::Take);
        assert_eq!(me.look(held("me", "2"), at(0)), Step::Renew);
    }

    #[test]
    fn another_holder_is_given_the_whole_duration_since_its_last_write() {
        let mut me = Candidate::new("me".into());
        assert_eq!(me.look(held("you", "1"), at(100)), Step::Wait);
        assert_eq!(me.look(held("you", "1"), at(114)), Step::Wait);
        assert_eq!(me.look(held("you", "2"), at(115)), Step::Wait);
        assert_eq!(me.look(held("you", "2"), at(129)), Step::Wait);
        assert_eq!(me.look(held("you", "2"), at(130)), Step::Take);
    }

    #[test]
    fn a_leader_that_was_replaced_waits_like_the_others() {
        let mut me = Candidate::new("me".into());
        assert_eq!(me.look(held("me", "1"), at(0)), Step::Renew);
        assert_eq!(me.look(held("you", "2"), at(20)), Step::Wait);
    }
}
