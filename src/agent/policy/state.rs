//! What the engine knows: objects, identities, endpoints, and what of it is not settled yet.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use skep_bpf::abi::policy;
use tracing::warn;

use super::{
    Held, Policies, Sources,
    delay::Delays,
    host::{Host, HostSettings},
    population::Population,
    tables::{Tables, report},
};
use crate::{
    cni::record::EndpointRecord,
    kubernetes::IdentityObject,
    maps::{MapError, MapStore},
    model::{EndpointId, Identity},
    policy::{
        cluster::{Actor, NamedPort, Role},
        compile::{RuleIndex, Subject, TooLarge},
        judge::{Mode, PeerMatcher, concerns},
        rule::{Direction, Policy},
    },
};

/// A policy cannot be enforced; what counted before still does.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum PolicyError {
    /// The rules.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A map.
    #[error(transparent)]
    Map(#[from] MapError),
}

impl PolicyError {
    /// Says why, and what can be done.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::TooLarge(error) => error.to_string(),
            Self::Map(error) => error.advice("policy-entries"),
        }
    }
}

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nothing: endpoints keep what they have, and new ones get no policy.
    Blank,
    /// What the cache on disk had: good for new endpoints; the others have what was newer.
    Remembered,
    /// The cluster was seen.
    Synced,
}

#[derive(Debug)]
pub(super) struct State<M> {
    pub(super) mode: Mode,
    pub(super) phase: Phase,
    pub(super) sources: Sources,
    pub(super) population: Population,
    pub(super) tables: Tables<M>,
    pub(super) members: BTreeMap<EndpointId, Member>,
    pub(super) host: Host,
    /// Ports that pods of other nodes name.
    pub(super) ports: BTreeMap<Identity, Vec<NamedPort>>,
    /// Whether these may be others by now.
    pub(super) are_ports_old: bool,
    pub(super) news: News,
    pub(super) failures: u64,
    /// Why endpoints have not got the policies that their rules make.
    pub(super) obstacle: Option<String>,
    pub(super) delays: Delays,
    /// How often each rule has decided.
    pub(super) hits: HashMap<u32, u64>,
}

/// An endpoint as policies see it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) record: EndpointRecord,
    pub(super) actor: Actor,
    /// Whether it has the policies that its rules make, as long as their tables are not stale.
    pub(super) is_settled: bool,
}

/// What is not settled yet.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) added: Vec<IdentityObject>,
    pub(super) removed: Vec<Identity>,
    /// Pods may name other ports now.
    pub(super) ports: bool,
    /// Endpoints may have other policies now.
    pub(super) policies: bool,
}

impl<M: MapStore> State<M> {
    pub(super) fn open(
        store: Arc<M>,
        (sources, mode): (Sources, Mode),
        host: HostSettings,
    ) -> Result<Self, MapError> {
        let host = Host::open(&*store, host, sources.settings())?;
        let population = Population::new();
        let mut tables = Tables::open(store, &population)?;
        tables.write()?;
        Ok(Self {
            mode,
            phase: Phase::Blank,
            sources,
            population,
            tables,
            members: BTreeMap::new(),
            host,
            ports: BTreeMap::new(),
            are_ports_old: false,
            news: News::default(),
            failures: 0,
            obstacle: None,
            delays: Delays::default(),
            hits: HashMap::new(),
        })
    }

    /// Takes an identity in, if it is new.
    pub(super) fn learn(&mut self, object: &IdentityObject) {
        let Some(identity) = self.population.add(object).cloned() else { return };
        let matcher = matcher(&self.sources);
        self.tables.add(&identity, &matcher).unwrap_or_else(|problem| report(&problem));
    }

    /// Joins the ports that pods name, here and elsewhere.
    pub(super) fn learn_ports(&mut self) {
        let mut named = self.ports.clone();
        for member in self.members.values() {
            let known = named.entry(member.record.identity).or_default();
            for port in &member.actor.ports {
                if !known.contains(port) {
                    known.push(port.clone());
                }
            }
        }
        named.values_mut().for_each(|ports| ports.sort());
        let changed = self.population.set_ports(&named);
        let matcher = matcher(&self.sources);
        for identity in &changed {
            self.tables.add(identity, &matcher).unwrap_or_else(|problem| report(&problem));
        }
    }

    /// Returns what of some rules applies to somebody, both ways.
    pub(super) fn subjects(&self, rules: &RuleIndex, actor: &Actor) -> [Subject; 2] {
        [Direction::Ingress, Direction::Egress]
            .map(|direction| Subject::of(rules, self.mode, actor, direction))
    }

    /// Returns the numbers of the policies that these need; compiles what is not there yet.
    pub(super) fn numbers(
        &mut self,
        [ingress, egress]: [Subject; 2],
    ) -> Result<Policies, PolicyError> {
        if self.mode == Mode::Never {
            return Ok(Policies { ingress: policy::OPEN, egress: policy::OPEN });
        }
        let matcher = matcher(&self.sources);
        let compat = self.sources.settings().compat;
        let mut number =
            |subject| self.tables.number((&matcher, compat), subject, self.population.roster());
        Ok(Policies { ingress: number(ingress)?, egress: number(egress)? })
    }

    /// Marks the endpoints whose rules one of these policies changes.
    pub(super) fn unsettle(&mut self, changed: &[Arc<Policy>]) {
        for member in self.members.values_mut() {
            member.is_settled &= !changed.iter().any(|policy| concerns(policy, &member.actor));
        }
    }

    /// Returns the endpoints that may not have what the rules say now.
    pub(super) fn unsettled(&self, assigned: &Held<'_>) -> Vec<Member> {
        let stale = self.tables.stale();
        let is_due = |member: &&Member| {
            let Policies { ingress, egress } = assigned.of(member.record.id);
            !member.is_settled || stale.contains(&ingress) || stale.contains(&egress)
        };
        self.members.values().filter(is_due).cloned().collect()
    }

    /// Returns the numbers of the policies that an endpoint is to get; says so if they cannot be had.
    pub(super) fn settle_member(&mut self, member: &Member) -> Option<Policies> {
        let id = member.record.id;
        let numbers = self.numbers(self.subjects(self.sources.rules(), &member.actor));
        if let Some(own) = self.members.get_mut(&id) {
            own.is_settled = numbers.is_ok();
        }
        match numbers {
            Ok(numbers) => Some(numbers),
            Err(problem) => {
                self.failures += 1;
                // Whatever happens next, it is tried again.
                self.news.policies = true;
                let reason = problem.advice();
                warn!(endpoint = id.0, reason, "policy not enforced anew");
                self.obstacle = Some(reason);
                None
            }
        }
    }

    /// Removes what nobody has named since a while before `now`.
    pub(super) fn prune(&mut self, now: Instant) -> Result<(), MapError> {
        self.tables.prune(now)?;
        let tables = &self.tables;
        self.hits.retain(|number, _| tables.rule(*number).is_some());
        Ok(())
    }
}

impl Member {
    pub(super) fn new(record: &EndpointRecord, ports: Vec<NamedPort>) -> Self {
        let name = record.pod.as_ref().map_or_else(String::new, ToString::to_string);
        let actor = if record.identity == Identity::INIT {
            let labels = [("reserved:init", "")].into_iter().collect();
            Actor::new(name, Role::Init, labels)
        } else {
            Actor::new(name, Role::Pod, record.labels.clone())
        };
        Self { record: record.clone(), actor: Actor { ports, ..actor }, is_settled: false }
    }
}

pub(super) fn matcher(sources: &Sources) -> PeerMatcher<'_> {
    PeerMatcher {
        services: sources.services(),
        groups: sources.groups(),
        cluster: &sources.settings().cluster,
    }
}
