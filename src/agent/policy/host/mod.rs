//! The host as an endpoint: its policies, and the way back from those that cut it off.

mod kept;
#[cfg(test)]
mod tests;
mod trial;

use std::time::{Duration, Instant};

use skep_bpf::abi::{HostValue, policy};
use tracing::{error, info, warn};

pub(in crate::agent) use kept::Kept;
pub(super) use trial::{HostPolicies, HostPolicy};
use trial::{Taken, Trial};

use super::{
    Engine, Policies,
    state::{Phase, State, matcher},
    tables::report,
};
use crate::{
    maps::{HostTable, MapError, MapStore},
    model::{Identity, Labels},
    policy::{
        cluster::{Actor, Role},
        compile::RuleIndex,
        judge::{Judge, Mode, Packet, Verdict},
        parse::Settings,
        rule::{Direction, PolicyKind, Protocol},
    },
};

/// How the host is to be protected.
#[derive(Debug)]
pub(in crate::agent) struct HostSettings {
    /// Whether it is at all.
    pub(in crate::agent) enabled: bool,
    /// How long new policies have to prove that the node can still be reached; zero is for ever.
    pub(in crate::agent) window: Duration,
    /// Where the confirmed ones are kept.
    pub(in crate::agent) kept: Kept,
}

/// What the cluster says of the host.
#[derive(Clone, Debug)]
pub(in crate::agent) struct HostFacts {
    /// It and its labels.
    pub(in crate::agent) actor: Actor,
    /// Where its kubelet listens.
    pub(in crate::agent) kubelet_port: Option<u16>,
    /// Where the API server is, but for the host itself.
    pub(in crate::agent) apiservers: Vec<Actor>,
}

/// How the host's policies are doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum HostHealth {
    /// Nothing protects the host.
    Off,
    /// So many policies count.
    Protected(usize),
    /// So many policies count and are taken back unless the node stays in touch.
    OnTrial(usize),
    /// The newest policies were taken back: why.
    TakenBack(String),
}

/// What services have to do with the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Duties {
    /// They have backends at its addresses, whose answers must show the service.
    pub(in crate::agent) serves: bool,
    /// Somebody else balances on it, too.
    pub(in crate::agent) yields: bool,
}

/// The host's part of the engine.
#[derive(Debug)]
pub(super) struct Host {
    enabled: bool,
    kept: Kept,
    facts: Option<HostFacts>,
    trial: Trial,
    /// The numbers in the map.
    policies: Policies,
    /// What services have to do with the host.
    duties: Duties,
    /// How often policies were taken back.
    pub(super) taken_back: u64,
}

const OPEN: Policies = Policies { ingress: policy::OPEN, egress: policy::OPEN };

impl Host {
    /// Takes up what an earlier process left, so that nothing that was refused passes meanwhile.
    pub(super) fn open(
        store: &impl MapStore,
        host: HostSettings,
        settings: &Settings,
    ) -> Result<Self, MapError> {
        let HostSettings { enabled, window, kept } = host;
        let left = store.get::<HostTable>(&0)?.unwrap_or_default();
        let duties = Duties { serves: left.backends != 0, yields: left.yields != 0 };
        let left = Some(left).filter(|value| value.protected != 0);
        let policies = left.map_or(OPEN, |value| Policies {
            ingress: value.ingress_policy,
            egress: value.egress_policy,
        });
        let trial = Trial::new(kept.load(settings), policies != OPEN, window, Instant::now());
        let own = Self { enabled, kept, facts: None, trial, policies, duties, taken_back: 0 };
        own.write(store)?;
        Ok(own)
    }

    fn value(&self) -> HostValue {
        let Duties { serves, yields } = self.duties;
        let none =
            HostValue { backends: serves.into(), yields: yields.into(), ..HostValue::default() };
        if !self.enabled {
            return none;
        }
        let Policies { ingress: ingress_policy, egress: egress_policy } = self.policies;
        HostValue { protected: u32::MAX, ingress_policy, egress_policy, ..none }
    }

    /// Writes the host's entry, if it differs.
    pub(super) fn write(&self, store: &impl MapStore) -> Result<(), MapError> {
        if store.get::<HostTable>(&0)? == Some(self.value()) {
            return Ok(());
        }
        store.put::<HostTable>(&0, &self.value())
    }

    /// Keeps what was confirmed.
    fn keep(&mut self) {
        if let Some(confirmed) = self.trial.news() {
            self.kept.save(confirmed);
            info!(policies = confirmed.by_key.len(), "host policies confirmed");
        }
    }

    /// Returns the policies of the host.
    pub(super) fn policies(&self) -> Policies {
        self.policies
    }

    /// Returns the host if it is protected and known.
    pub(super) fn actor(&self) -> Option<&Actor> {
        self.facts.as_ref().filter(|_| self.enabled).map(|facts| &facts.actor)
    }

    /// Returns whether a policy was taken back, and why.
    pub(super) fn refusal_of(&self, key: &(PolicyKind, String)) -> Option<&str> {
        let (policies, why) = self.trial.refused()?;
        policies.by_key.contains_key(key).then_some(why)
    }

    pub(super) fn health(&self) -> HostHealth {
        let count = self.trial.current().by_key.len();
        match (self.trial.refused(), self.trial.until()) {
            _ if !self.enabled => HostHealth::Off,
            (Some((_, why)), _) => HostHealth::TakenBack(why.to_owned()),
            (None, Some(_)) => HostHealth::OnTrial(count),
            (None, None) => HostHealth::Protected(count),
        }
    }
}

impl<M: MapStore> State<M> {
    /// Gives the host the policies that count now. Tells whether they are others than before.
    pub(super) fn settle_host(&mut self, now: Instant) -> bool {
        let Some(actor) = self.host.actor().cloned() else { return false };
        if self.phase == Phase::Synced {
            let by_key = match self.mode {
                Mode::Never => Default::default(),
                Mode::Default | Mode::Always => self.sources.for_host(&actor),
            };
            let always = self.mode == Mode::Always;
            self.host.trial.choose(HostPolicies { by_key, always }, now);
            self.host.keep();
        }
        self.assign_host(&actor)
    }

    /// A policy that cannot be enforced is taken back; a host that no policy can be enforced on stays
    /// open, as nobody could mend it from outside.
    fn assign_host(&mut self, actor: &Actor) -> bool {
        let numbers = loop {
            let policies = self.host.trial.current().policies();
            let subjects = self.subjects(&RuleIndex::new(&policies), actor);
            match self.numbers(subjects) {
                Ok(numbers) => break numbers,
                Err(problem) => {
                    self.failures += 1;
                    let why = problem.advice();
                    error!(why, "host policies cannot be enforced");
                    match self.host.trial.refuse(&why) {
                        Taken::Nothing => break OPEN,
                        Taken::Inheritance => {}
                        Taken::Policies => self.host.taken_back += 1,
                    }
                }
            }
        };
        let differ = std::mem::replace(&mut self.host.policies, numbers) != numbers;
        self.host.write(self.tables.store()).unwrap_or_else(|problem| report(&problem));
        if differ {
            let Policies { ingress, egress } = numbers;
            info!(ingress, egress, state = ?self.host.health(), "host policies switched");
        }
        differ
    }
}

impl<M: MapStore> Engine<M> {
    /// Takes in what the cluster says of the host.
    pub(in crate::agent) fn set_host(&self, facts: HostFacts) {
        let mut state = self.state();
        let before = state.host.actor().map(|actor| actor.labels.clone());
        let is_new = before.as_ref() != Some(&facts.actor.labels);
        state.host.facts = Some(facts);
        if is_new && state.host.enabled {
            // The host is settled whenever anything is.
            state.news.policies = true;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Takes in what services have to do with the host.
    pub(in crate::agent) fn set_duties(&self, duties: Duties) {
        let mut state = self.state();
        if std::mem::replace(&mut state.host.duties, duties) != duties {
            state.host.write(state.tables.store()).unwrap_or_else(|problem| report(&problem));
        }
    }

    /// Waits until policies of the host are on trial, and returns when that ends.
    pub(in crate::agent) async fn host_trial(&self) -> Instant {
        loop {
            let changed = self.host_changed.notified();
            if let Some(until) = self.trial_until() {
                return until;
            }
            changed.await;
        }
    }

    /// Returns when the trial of the host's policies ends, if there is one.
    pub(in crate::agent) fn trial_until(&self) -> Option<Instant> {
        let state = self.state();
        state.host.trial.until().filter(|_| state.host.enabled)
    }

    /// Tells whether the policies that count let the API server reach the node's kubelet.
    ///
    /// # Errors
    /// Which policies are in the way.
    pub(in crate::agent) fn reach_kubelet(&self) -> Result<(), String> {
        let state = self.state();
        let Some(facts) = &state.host.facts else { return Ok(()) };
        let Some(port) = facts.kubelet_port else { return Ok(()) };
        let policies = state.host.trial.current().policies();
        let compat = state.sources.settings().compat;
        let peers = matcher(&state.sources);
        let judge = Judge { policies: &policies, peers, mode: state.mode, compat };
        let packet = Packet { protocol: Protocol::Tcp, port };
        for peer in &facts.apiservers {
            let verdict = judge.ask(&facts.actor, peer, Direction::Ingress, packet).verdict;
            if matches!(verdict, Verdict::Deny | Verdict::Auth | Verdict::Redirect) {
                return Err(format!(
                    "the API server at {} may not reach the kubelet's port {port}",
                    peer.name
                ));
            }
        }
        Ok(())
    }

    /// The node could be reached during the trial that ends then: what is on trial counts from now on. Of
    /// another trial that has begun meanwhile nobody knows.
    pub(in crate::agent) fn confirm_host(&self, until: Instant) {
        let mut state = self.state();
        if state.host.trial.until() == Some(until) {
            state.host.trial.confirm();
            state.host.keep();
        }
    }

    /// Takes back what is on trial, if its time is up. Tells whether policies were.
    pub(in crate::agent) fn take_host_back(&self, why: &str, now: Instant) -> bool {
        let mut state = self.state();
        let is_due = state.host.trial.until().is_some_and(|until| now >= until);
        let taken = if is_due { state.host.trial.refuse(why) } else { Taken::Nothing };
        match taken {
            Taken::Nothing => return false,
            Taken::Inheritance => {
                warn!(why, "host policies of an earlier agent give way to the confirmed ones");
            }
            Taken::Policies => {
                state.host.taken_back += 1;
                warn!(why, "host policies taken back: the node cannot be reached with them");
            }
        }
        let known = state.host.actor().cloned();
        let actor = known.unwrap_or_else(|| host_actor(Identity::HOST.fixed_labels()));
        let differ = state.assign_host(&actor);
        drop(state);
        if differ {
            self.judge_again();
        }
        taken == Taken::Policies
    }

    /// Lets a reader see what the host's entry should be.
    pub(in crate::agent) fn with_host<R>(&self, read: impl FnOnce(&HostValue) -> R) -> R {
        read(&self.state().host.value())
    }
}

/// Makes the host of this node.
pub(in crate::agent) fn host_actor(labels: Labels) -> Actor {
    Actor::new("host", Role::Host, labels)
}
