//! Who takes connections, against the rules written out once more, as sets and in the words of the API.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use proptest::prelude::*;

use super::{make::*, properties::some_endpoint};
use crate::service::input::{Conditions, Endpoint, Service, TrafficPolicy};

const VIP: &str = "10.96.0.9";

type Found = (BTreeSet<IpAddr>, BTreeSet<IpAddr>);

/// Returns candidates and those that drain.
fn naive(endpoints: &[Endpoint], policy: TrafficPolicy) -> Found {
    let mut all: BTreeMap<IpAddr, &Endpoint> = BTreeMap::new();
    let rank = |one: &Endpoint| match one.conditions {
        Conditions { ready: true, .. } => 0,
        Conditions { serving: true, terminating: true, .. } => 1,
        _ => 2,
    };
    for one in endpoints.iter().filter(|one| !one.address.is_loopback()) {
        let known = all.entry(one.address).or_insert(one);
        if rank(one) < rank(known) {
            *known = one;
        }
    }
    if policy == TrafficPolicy::Local {
        all.retain(|_, one| one.node.as_deref() == Some("here"));
    }
    let which = |is_it: &dyn Fn(&Endpoint) -> bool| -> BTreeSet<IpAddr> {
        all.iter().filter(|(_, one)| is_it(one)).map(|(address, _)| *address).collect()
    };
    let hints = |one: &Endpoint, of: &str| -> (bool, bool) {
        let hints = one.hints.clone().unwrap_or_default();
        let list = if of == "zones" { hints.zones } else { hints.nodes };
        let own = if of == "zones" { "z1" } else { "here" };
        (!list.is_empty(), list.iter().any(|hint| **hint == *own))
    };
    let ready = which(&|one| one.conditions.ready);
    let mut candidates = ready.clone();
    for of in ["zones", "nodes"] {
        let hinted = which(&|one| one.conditions.ready && hints(one, of).0);
        let meant = which(&|one| one.conditions.ready && hints(one, of).1);
        if policy == TrafficPolicy::Cluster && hinted == ready && !meant.is_empty() {
            candidates = meant;
        }
    }
    if ready.is_empty() {
        candidates = which(&|one| one.conditions.serving && one.conditions.terminating);
    }
    let ending = which(&|one| !one.conditions.ready && one.conditions.terminating);
    let draining = ending.difference(&candidates).copied().collect();
    (candidates, draining)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn endpoints_are_chosen_by_the_rules(
        slices in prop::collection::vec(prop::collection::vec(some_endpoint(), 0..5), 0..4),
        local: bool,
    ) {
        let policy = if local { TrafficPolicy::Local } else { TrafficPolicy::Cluster };
        let asked = Service { internal: policy, ..service("a", &[VIP]) };
        let named: Vec<_> = (0..)
            .zip(&slices)
            .map(|(number, endpoints): (u8, _)| slice(&format!("s-{number}"), "a", endpoints))
            .collect();
        let services = store(&asked, &named);
        let backends = &services.frontend(&inside(VIP, 80)).expect("one").backends;
        let addresses = |list: &[crate::service::Backend]| -> BTreeSet<IpAddr> {
            list.iter().map(|backend| backend.address).collect()
        };
        let found = (addresses(backends.candidates()), addresses(backends.draining()));
        prop_assert_eq!(found, naive(&slices.concat(), policy));
    }
}
