//! What the engine knows: objects, identities, endpoints, and what of it is not settled yet.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use skep_bpf::abi::policy;
use tracing::warn;

use super::{
    Policies, Sources,
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
        judge::{Judge, Mode, PeerMatcher, is_subject},
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
    /// Rules of the policies, as they were when they were asked for last.
    rules: RuleIndex,
    /// Ports that pods of other nodes name.
    pub(super) ports: BTreeMap<Identity, Vec<NamedPort>>,
    /// Whether these may be others by now.
    pub(super) are_ports_old: bool,
    pub(super) news: News,
    pub(super) failures: u64,
    /// How often each rule has decided.
    pub(super) hits: HashMap<u32, u64>,
}

/// An endpoint as policies see it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) record: EndpointRecord,
    pub(super) actor: Actor,
}

/// What is not settled yet.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) added: Vec<IdentityObject>,
    pub(super) removed: Vec<Identity>,
    /// Pods may name other ports now.
    pub(super) ports: bool,
    /// Whose policies may be others now.
    pub(super) policies: Concerned,
}

/// Endpoints that may have other policies than before.
#[derive(Debug, Default)]
pub(super) enum Concerned {
    /// None.
    #[default]
    Nobody,
    /// Those that one of these selects: policies that count now, or did before.
    Subjects(Vec<Arc<Policy>>),
    /// All.
    Everybody,
}

impl Concerned {
    /// Adds whom policies select.
    pub(super) fn add(&mut self, policies: Vec<Arc<Policy>>) {
        match self {
            Self::Nobody => *self = Self::Subjects(policies),
            Self::Subjects(all) => all.extend(policies),
            Self::Everybody => {}
        }
    }

    /// Tells whether it is nobody.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody)
    }

    /// Tells whether somebody may have other policies.
    pub(super) fn includes(&self, actor: &Actor) -> bool {
        let selects =
            |policy: &Arc<Policy>| policy.rules.iter().any(|r| is_subject(&r.subject, actor));
        match self {
            Self::Nobody => false,
            Self::Subjects(policies) => policies.iter().any(selects),
            Self::Everybody => true,
        }
    }
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
            rules: RuleIndex::default(),
            ports: BTreeMap::new(),
            are_ports_old: false,
            news: News::default(),
            failures: 0,
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

    /// Does something with the rules of the policies that count now.
    pub(super) fn with_rules<R>(&mut self, act: impl FnOnce(&mut Self, &RuleIndex) -> R) -> R {
        let mut rules = std::mem::take(&mut self.rules);
        rules.update(self.sources.policies());
        let result = act(self, &rules);
        self.rules = rules;
        result
    }

    /// Returns the numbers of somebody's policies; compiles what is not there yet.
    pub(super) fn numbers(
        &mut self,
        actor: &Actor,
        rules: &RuleIndex,
    ) -> Result<Policies, PolicyError> {
        if self.mode == Mode::Never {
            return Ok(Policies { ingress: policy::OPEN, egress: policy::OPEN });
        }
        let compat = self.sources.settings().compat;
        let judge = Judge {
            policies: rules.policies(),
            peers: matcher(&self.sources),
            mode: self.mode,
            compat,
        };
        let mut number = |direction| {
            let subject = Subject::of(rules, judge.mode, actor, direction);
            self.tables.number(&judge, subject, &self.population)
        };
        Ok(Policies { ingress: number(Direction::Ingress)?, egress: number(Direction::Egress)? })
    }

    /// Removes what nobody has named since a while before `now`.
    pub(super) fn prune(&mut self, now: Instant) -> Result<(), MapError> {
        self.tables.prune(now)?;
        let tables = &self.tables;
        self.hits.retain(|number, _| tables.rule(*number).is_some());
        Ok(())
    }

    pub(super) fn fail(&mut self, member: &Member, problem: &PolicyError) {
        self.failures += 1;
        let endpoint = member.record.id.0;
        warn!(endpoint, error = problem as &dyn std::error::Error, "policy not enforced anew");
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
        Self { record: record.clone(), actor: Actor { ports, ..actor } }
    }
}

pub(super) fn matcher(sources: &Sources) -> PeerMatcher<'_> {
    PeerMatcher {
        services: sources.services(),
        groups: sources.groups(),
        cluster: &sources.settings().cluster,
    }
}
