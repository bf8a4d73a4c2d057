//! The frontends of one service.

use std::net::IpAddr;

use super::{
    Protocol,
    address::family,
    choose::{Candidate, Fate, Pool, choose},
    context::Context,
    finding::{Field, Finding, Reason},
    index::Slot,
    input::{EndpointSlice, Service, ServicePort, Site, SlicePort, TrafficPolicy},
    output::{BackendKey, FrontendKey, FrontendKind, State, Vip, WhenEmpty},
    wants::Want,
};
use crate::model::Family;

/// A frontend whose numbers are not known yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) key: FrontendKey,
    pub(super) kind: FrontendKind,
    pub(super) port: usize,
    pub(super) policy: TrafficPolicy,
    /// Which of the sets is behind it.
    pub(super) set: usize,
    /// Its backends do not use it.
    pub(super) passed_by_backends: bool,
}

/// Backends whose numbers are not known yet.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) protocol: Protocol,
    pub(super) list: Vec<(BackendKey, State)>,
    pub(super) candidates: usize,
    pub(super) when_empty: WhenEmpty,
}

/// What came of a service.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) drafts: Vec<Draft>,
    pub(super) sets: Vec<Set>,
    pub(super) findings: Vec<Finding>,
    /// Addresses of endpoints that are in no set.
    pub(super) absent: Vec<IpAddr>,
}

/// What tells the backends of one frontend from those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness {
    /// Which port of the service.
    pub(super) port: usize,
    /// The family.
    pub(super) family: Family,
    /// By which policy they are chosen.
    pub(super) policy: TrafficPolicy,
    /// The only port they may have. SCTP carries a checksum over ports that is not rewritten.
    pub(super) only: Option<u16>,
}

impl Likeness {
    /// Returns that of a frontend.
    pub(super) fn of(want: &Want, policy: TrafficPolicy) -> Self {
        let only = (want.vip.protocol == Protocol::Sctp).then_some(want.vip.port);
        Self { port: want.port, family: family(want.vip.address), policy, only }
    }
}

/// Builds the frontends of a service from what it wants and gets.
pub(super) fn build(
    context: &Context,
    slot: Slot,
    (service, wants): (&Service, &[Want]),
    slices: &[EndpointSlice],
) -> Built {
    let mut built = Built::default();
    let refuse = |address| context.refuse(service, wants, address);
    let pool = Pool::new(slices, refuse, &mut built.findings);
    let mut known: Vec<Likeness> = Vec::new();
    for want in wants {
        if let Some(reason) = context.loss(slot, want) {
            built.findings.push(Finding { place: want.field(), reason });
            continue;
        }
        let scopes: Vec<_> = match context.redirect_of(slot, want) {
            Some(redirect) => want.left_by(redirect, service).collect(),
            None => want.scopes(service).collect(),
        };
        for (scope, policy) in scopes {
            let likeness = Likeness::of(want, policy);
            let set = known.iter().position(|other| *other == likeness).unwrap_or_else(|| {
                known.push(likeness);
                built.sets.push(collect(&context.site, service, &pool, likeness));
                known.len() - 1
            });
            let key = FrontendKey { vip: want.vip, scope };
            let Want { kind, port, passed_by_backends, .. } = *want;
            built.drafts.push(Draft { key, kind, port, policy, set, passed_by_backends });
        }
        if want.vip.protocol == Protocol::Sctp {
            tell_ports(slices, &service.ports[want.port], want.vip, &mut built.findings);
        }
    }
    built.drafts.sort_by_key(|draft| draft.key);
    built.absent = absent(slices, &built.sets);
    built
}

/// Returns the addresses of endpoints that are in no set: whether they are refused or only not ready, it
/// matters for findings when such an address becomes a frontend or is one no more.
fn absent(slices: &[EndpointSlice], sets: &[Set]) -> Vec<IpAddr> {
    let count: usize = slices.iter().map(|slice| slice.endpoints.len()).sum();
    // An endpoint is in a set once at most, so such a set has them all. That is the usual case.
    if sets.iter().any(|set| set.list.len() == count) {
        return vec![];
    }
    let mut held: Vec<IpAddr> =
        sets.iter().flat_map(|set| &set.list).map(|(key, _)| key.address).collect();
    held.sort_unstable();
    let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
    let mut absent: Vec<IpAddr> = endpoints
        .map(|endpoint| endpoint.address)
        .filter(|address| held.binary_search(address).is_err())
        .collect();
    absent.sort_unstable();
    absent.dedup();
    absent
}

fn collect(site: &Site, service: &Service, pool: &Pool<'_>, likeness: Likeness) -> Set {
    let protocol = service.ports[likeness.port].protocol;
    let candidates = behind(service, pool, likeness);
    let choice = choose(&candidates, likeness.policy, &site.place);
    let mut list = Vec::with_capacity(candidates.len());
    let mut take = |is_wanted: fn(Fate) -> bool| {
        for (one, _) in candidates.iter().zip(&choice.fates).filter(|(_, fate)| is_wanted(**fate)) {
            let key = BackendKey { address: one.address(), port: one.port, protocol };
            list.push((key, one.state()));
        }
        list.len()
    };
    let candidates = take(Fate::is_candidate);
    take(|fate| fate == Fate::Draining);
    Set { protocol, list, candidates, when_empty: choice.when_empty }
}

/// Returns the endpoints that a frontend can reach.
pub(super) fn behind<'a>(
    service: &Service,
    pool: &Pool<'a>,
    likeness: Likeness,
) -> Vec<Candidate<'a>> {
    let port = &service.ports[likeness.port];
    let mut found = pool.behind(port, likeness.family, service.publish_not_ready);
    found.retain(|one| likeness.only.is_none_or(|only| only == one.port));
    found
}

/// Tells which endpoints have another port than a frontend that needs them to be equal.
fn tell_ports(slices: &[EndpointSlice], port: &ServicePort, vip: Vip, findings: &mut Vec<Finding>) {
    for slice in slices.iter().filter(|slice| slice.family == family(vip.address)) {
        let is_behind = |own: &&SlicePort| {
            own.name == port.name && own.protocol == port.protocol && own.port.get() != vip.port
        };
        for own in slice.ports.iter().filter(is_behind) {
            for endpoint in &slice.endpoints {
                let place =
                    Field::Endpoint { slice: slice.name.clone(), address: endpoint.address };
                let reason = Reason::SctpPort { port: vip.port, target: own.port.get() };
                findings.push(Finding { place, reason });
            }
        }
    }
}
