//! Policies for hosts on probation: they count, but until they are confirmed the ones before may come
//! back.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::policy::PolicyObject,
    policy::rule::{Policy, PolicyKind},
};

/// A policy for hosts, and the object it was read from.
#[derive(Clone, Debug)]
pub(in crate::agent::policy) struct HostPolicy {
    pub(in crate::agent::policy) object: PolicyObject,
    pub(in crate::agent::policy) policy: Arc<Policy>,
}

/// Everything that decides what a host may do, by kind and key.
#[derive(Clone, Debug, Default)]
pub(in crate::agent::policy) struct HostPolicies {
    pub(in crate::agent::policy) by_key: BTreeMap<(PolicyKind, String), HostPolicy>,
    /// Whether the host is isolated without any policy.
    pub(in crate::agent::policy) always: bool,
}

impl HostPolicies {
    /// Tells whether nothing is refused to anybody.
    pub(super) fn is_open(&self) -> bool {
        self.by_key.is_empty() && !self.always
    }

    /// Returns the policies.
    pub(super) fn policies(&self) -> Vec<Arc<Policy>> {
        self.by_key.values().map(|own| Arc::clone(&own.policy)).collect()
    }
}

impl PartialEq for HostPolicies {
    /// Objects that say the same are the same, however often they were read.
    fn eq(&self, other: &Self) -> bool {
        let own = self.by_key.iter().map(|(key, policy)| (key, &policy.object));
        self.always == other.always
            && own.eq(other.by_key.iter().map(|(key, policy)| (key, &policy.object)))
    }
}

/// Which policies count for the host, and whether that is for good.
#[derive(Debug)]
pub(super) struct Trial {
    window: Duration,
    confirmed: HostPolicies,
    /// Whether these are others than those that were kept.
    is_news: bool,
    stage: Stage,
}

/// What was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing was on probation.
    Nothing,
    /// Whatever an earlier process left.
    Inheritance,
    /// Policies that are there.
    Policies,
}

#[derive(Debug)]
enum Stage {
    /// An earlier process left what is in the maps; whether it was confirmed is not known.
    Inherited { until: Instant },
    /// What was confirmed counts.
    Settled,
    /// Others count, on probation.
    Tried { policies: HostPolicies, until: Instant },
    /// Others were taken back, and are not tried again as long as they say the same.
    Refused { policies: HostPolicies, why: String },
}

impl Trial {
    /// Starts with what was confirmed before; what an earlier process left may be something else, if it
    /// refuses anything (`inherits`). Without a `window` nothing is ever taken back.
    pub(super) fn new(
        confirmed: HostPolicies,
        inherits: bool,
        window: Duration,
        now: Instant,
    ) -> Self {
        let until = now + window;
        let stage = if inherits { Stage::Inherited { until } } else { Stage::Settled };
        Self { window, confirmed, is_news: false, stage }
    }

    /// Takes in what objects say now, and returns the policies that count.
    pub(super) fn choose(&mut self, policies: HostPolicies, now: Instant) -> &HostPolicies {
        // Nobody is cut off by what refuses nothing.
        if policies.is_open() || policies == self.confirmed || self.window.is_zero() {
            self.is_news |= policies != self.confirmed;
            self.confirmed = policies;
            self.stage = Stage::Settled;
            return &self.confirmed;
        }
        match &mut self.stage {
            Stage::Refused { policies: refused, .. } if *refused == policies => {}
            Stage::Tried { policies: tried, .. } if *tried == policies => *tried = policies,
            stage => *stage = Stage::Tried { policies, until: now + self.window },
        }
        self.current()
    }

    /// Returns the policies that count.
    pub(super) fn current(&self) -> &HostPolicies {
        match &self.stage {
            Stage::Tried { policies, .. } => policies,
            _ => &self.confirmed,
        }
    }

    /// Returns when the probation ends, if there is one.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.stage {
            _ if self.window.is_zero() => None,
            Stage::Inherited { until } | Stage::Tried { until, .. } => Some(until),
            Stage::Settled | Stage::Refused { .. } => None,
        }
    }

    /// The node can be reached: what counts is good.
    pub(super) fn confirm(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Settled) {
            Stage::Tried { policies, .. } => {
                self.confirmed = policies;
                self.is_news = true;
            }
            refused @ Stage::Refused { .. } => self.stage = refused,
            Stage::Inherited { .. } | Stage::Settled => {}
        }
    }

    /// Returns what is confirmed, once, if it is to be kept.
    pub(super) fn news(&mut self) -> Option<&HostPolicies> {
        std::mem::take(&mut self.is_news).then_some(&self.confirmed)
    }

    /// Takes back what is on probation.
    pub(super) fn refuse(&mut self, why: &str) -> Taken {
        match std::mem::replace(&mut self.stage, Stage::Settled) {
            Stage::Tried { policies, .. } => {
                self.stage = Stage::Refused { policies, why: why.to_owned() };
                Taken::Policies
            }
            Stage::Inherited { .. } => Taken::Inheritance,
            stage => {
                self.stage = stage;
                Taken::Nothing
            }
        }
    }

    /// Returns the policies that were taken back, and why.
    pub(super) fn refused(&self) -> Option<(&HostPolicies, &str)> {
        match &self.stage {
            Stage::Refused { policies, why } => Some((policies, why)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn isolated() -> HostPolicies {
        HostPolicies { always: true, ..HostPolicies::default() }
    }

    fn settled() -> (Trial, Instant) {
        let now = Instant::now();
        let mut trial = Trial::new(HostPolicies::default(), false, WINDOW, now);
        trial.choose(HostPolicies::default(), now);
        (trial, now)
    }

    #[test]
    fn what_refuses_nothing_needs_no_probation() {
        let (trial, _) = settled();
        assert_eq!(trial.until(), None);
        assert!(trial.current().is_open());
    }

    #[test]
    fn others_count_at_once_and_stay_when_they_are_confirmed() {
        let (mut trial, now) = settled();
        assert!(trial.choose(isolated(), now).always);
        assert_eq!(trial.until(), Some(now + WINDOW));
        // Asked again, the time runs on.
        trial.choose(isolated(), now + WINDOW / 2);
        assert_eq!(trial.until(), Some(now + WINDOW));
        trial.confirm();
        assert!(trial.news().is_some_and(|policies| policies.always));
        assert_eq!(trial.until(), None);
        trial.confirm();
        assert!(trial.news().is_none());
        assert!(trial.choose(isolated(), now).always);
        assert_eq!(trial.until(), None);
    }

    #[test]
    fn what_was_taken_back_is_tried_again_only_when_it_changes() {
        let (mut trial, now) = settled();
        trial.choose(isolated(), now);
        assert_eq!(trial.refuse("nobody answers"), Taken::Policies);
        assert!(trial.current().is_open());
        assert_eq!(trial.refused().map(|(_, why)| why), Some("nobody answers"));
        assert!(trial.choose(isolated(), now).is_open());
        trial.confirm();
        assert!(trial.news().is_none());
        assert_eq!(trial.refuse("again"), Taken::Nothing);
        assert!(trial.refused().is_some());
        trial.choose(HostPolicies::default(), now);
        assert!(trial.refused().is_none());
        assert!(trial.choose(isolated(), now).always);
    }

    #[test]
    fn what_an_earlier_process_left_must_prove_itself() {
        let now = Instant::now();
        let mut trial = Trial::new(HostPolicies::default(), true, WINDOW, now);
        assert_eq!(trial.until(), Some(now + WINDOW));
        assert_eq!(trial.refuse("nobody answers"), Taken::Inheritance);
        assert!(trial.current().is_open());
        let mut trial = Trial::new(isolated(), true, WINDOW, now);
        trial.confirm();
        assert_eq!(trial.until(), None);
        assert!(trial.choose(isolated(), now).always);
        assert_eq!(trial.until(), None, "it was confirmed before");
        assert!(trial.news().is_none());
        trial.choose(HostPolicies::default(), now);
        assert!(trial.news().is_some_and(HostPolicies::is_open), "what is gone must not come back");
    }

    #[test]
    fn without_a_window_nothing_is_taken_back() {
        let now = Instant::now();
        let mut trial = Trial::new(HostPolicies::default(), true, Duration::ZERO, now);
        assert_eq!(trial.until(), None);
        assert!(trial.choose(isolated(), now).always);
        assert_eq!(trial.until(), None);
    }
}
