//! Comparing the verdicts of every pair.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ports::{Ports, Probe},
    workloads::Workloads,
};
use crate::policy::{
    cluster::{Actor, CidrGroup, Service},
    judge::{Judge, Mode, Packet, PeerMatcher},
    matrix::Matrix,
    parse::Settings,
    rule::Policy,
};

/// One of two sets of objects.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// Its policies.
    pub policies: &'a [Arc<Policy>],
    /// Its services.
    pub services: &'a [Service],
    /// Its groups of prefixes.
    pub groups: &'a [CidrGroup],
    /// Its pods.
    pub pods: &'a [Actor],
}

/// How many pods of a pair of workloads a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// All of them.
    All,
    /// Some of them.
    Some,
}

/// What changes for a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who sends.
    pub from: String,
    /// Who gets.
    pub to: String,
    /// What passes now and did not.
    pub gained: Vec<(Probe, Extent)>,
    /// What passed and does not any more.
    pub lost: Vec<(Probe, Extent)>,
}

/// All that changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pairs whose connectivity changes, by name.
    pub changes: Vec<Change>,
    /// Workloads that are only in the new set; their pairs are not compared.
    pub added: Vec<String>,
    /// Workloads that are only in the old set; their pairs are not compared.
    pub removed: Vec<String>,
}

/// Compares two sets of objects, pods merged by workload. `peers` are ends that both have.
pub fn diff(
    old: Set<'_>,
    new: Set<'_>,
    peers: &[Actor],
    settings: &Settings,
    mode: Mode,
) -> Changes {
    let mut ports = Ports::new();
    for set in [old, new] {
        ports.add_policies(set.policies);
        ports.add_pods(set.pods);
    }
    let probes = ports.probes();
    let packets: Vec<Packet> = probes.iter().map(|(_, packet)| *packet).collect();
    let [before, after] = [old, new].map(|set| Workloads::new(set.pods.to_vec(), peers));
    let names = |workloads: &Workloads| -> BTreeSet<String> {
        workloads.actors.iter().map(|actor| actor.name.clone()).collect()
    };
    let (known, current) = (names(&before), names(&after));
    let passed = passing(old, &before, &packets, settings, mode);
    let passes = passing(new, &after, &packets, settings, mode);
    let mut changes = Vec::new();
    for (pair, now) in &passes {
        let Some(then) = passed.get(pair) else { continue };
        let mut change =
            Change { from: pair.0.to_owned(), to: pair.1.to_owned(), gained: vec![], lost: vec![] };
        for ((probe, _), (then, now)) in probes.iter().zip(then.iter().zip(now)) {
            match compare(*then, *now) {
                Some((true, extent)) => change.gained.push((*probe, extent)),
                Some((false, extent)) => change.lost.push((*probe, extent)),
                None => {}
            }
        }
        if !change.gained.is_empty() || !change.lost.is_empty() {
            changes.push(change);
        }
    }
    let added = current.difference(&known).cloned().collect();
    let removed = known.difference(&current).cloned().collect();
    Changes { changes, added, removed }
}

/// How many combinations of pods were tried, and for how many it passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    tried: u32,
    passing: u32,
}

type Passing<'a> = BTreeMap<(&'a str, &'a str), Vec<Share>>;

fn passing<'a>(
    set: Set<'_>,
    workloads: &'a Workloads,
    packets: &[Packet],
    settings: &Settings,
    mode: Mode,
) -> Passing<'a> {
    let peers =
        PeerMatcher { services: set.services, groups: set.groups, cluster: &settings.cluster };
    let judge = Judge { policies: set.policies, peers, mode, compat: settings.compat };
    let matrix = Matrix::new(judge, &workloads.actors);
    let mut pairs: Passing<'a> = BTreeMap::new();
    for (from, to) in workloads.pairs() {
        let key = (&*workloads.actors[from].name, &*workloads.actors[to].name);
        let shares = pairs.entry(key).or_insert_with(|| vec![Share::default(); packets.len()]);
        for (share, passes) in shares.iter_mut().zip(matrix.passes((from, to), packets)) {
            share.tried += 1;
            share.passing += u32::from(passes);
        }
    }
    pairs
}

/// Says whether something is gained (true) or lost, and by how many; `None` if nothing changes.
fn compare(then: Share, now: Share) -> Option<(bool, Extent)> {
    let all = |share: Share| share.passing == share.tried;
    let none = |share: Share| share.passing == 0;
    if (none(then), all(then)) == (none(now), all(now)) {
        return None;
    }
    let gained = u64::from(now.passing) * u64::from(then.tried)
        > u64::from(then.passing) * u64::from(now.tried);
    let whole = (none(then) && all(now)) || (all(then) && none(now));
    Some((gained, if whole { Extent::All } else { Extent::Some }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_pods_lose_is_lost() {
        let share = |passing, tried| Share { tried, passing };
        assert_eq!(compare(share(0, 1), share(1, 1)), Some((true, Extent::All)));
        assert_eq!(compare(share(2, 2), share(0, 3)), Some((false, Extent::All)));
        assert_eq!(compare(share(2, 2), share(1, 2)), Some((false, Extent::Some)));
        assert_eq!(compare(share(0, 2), share(1, 3)), Some((true, Extent::Some)));
        assert_eq!(compare(share(2, 2), share(5, 5)), None);
        assert_eq!(compare(share(1, 2), share(1, 3)), None);
    }
}
