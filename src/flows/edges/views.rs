//! What edges tell of workloads, drop reasons and policies.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use super::{Cause, Drops, Edges, Party};

/// What one party does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Flows of connections that it opens.
    pub as_client: u64,
    /// Flows of connections that others open to it.
    pub as_server: u64,
    /// Packets that were dropped, either way.
    pub dropped: u64,
    /// With how many others.
    pub peers: usize,
    /// When it was last seen.
    pub last: Timestamp,
}

/// What is dropped for one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// How often.
    pub drops: Drops,
    /// On how many edges.
    pub edges: usize,
}

/// What one policy decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyUse {
    /// Flows it let through.
    pub allowed: u64,
    /// Packets it refused.
    pub denied: u64,
    /// On how many edges.
    pub edges: usize,
}

impl Edges {
    /// Returns who speaks, the busiest first.
    pub fn workloads(&self) -> Vec<(Party, Load)> {
        let mut loads: BTreeMap<&Party, (Load, BTreeSet<&Party>)> = BTreeMap::new();
        for (edge, counts) in self.iter() {
            let ends = [(&edge.source, &edge.destination), (&edge.destination, &edge.source)];
            // Who speaks with itself is one party.
            for (party, peer) in BTreeMap::from(ends) {
                let (load, peers) = loads.entry(party).or_default();
                load.last = load.last.max(counts.last);
                load.dropped += counts.dropped();
                peers.insert(peer);
            }
            loads.entry(&edge.source).or_default().0.as_client += counts.flows;
            loads.entry(&edge.destination).or_default().0.as_server += counts.flows;
        }
        let mut loads: Vec<(Party, Load)> = loads
            .into_iter()
            .map(|(party, (load, peers))| (party.clone(), Load { peers: peers.len(), ..load }))
            .collect();
        loads.sort_by_key(|(_, load)| Reverse(load.as_client + load.as_server));
        loads
    }

    /// Returns why packets are dropped, the most frequent cause first.
    pub fn reasons(&self) -> Vec<(Cause, Reason)> {
        let mut reasons: BTreeMap<Cause, Reason> = BTreeMap::new();
        for (_, counts) in self.iter() {
            for (cause, drops) in &counts.drops {
                let reason = reasons.entry(cause.clone()).or_default();
                reason.drops.merge(drops);
                reason.edges += 1;
            }
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, reason)| Reverse(reason.drops.packets()));
        reasons
    }

    /// Returns which policies decide, the busiest first.
    pub fn policies(&self) -> Vec<(String, PolicyUse)> {
        let mut policies: BTreeMap<&str, PolicyUse> = BTreeMap::new();
        for (_, counts) in self.iter() {
            let mut here = BTreeSet::new();
            for (policy, count) in &counts.allowed_by {
                policies.entry(policy).or_default().allowed += count;
                here.insert(policy.as_str());
            }
            for (cause, drops) in counts.drops.iter().filter(|(cause, _)| !cause.policy.is_empty())
            {
                policies.entry(&cause.policy).or_default().denied += drops.packets();
                here.insert(&cause.policy);
            }
            here.iter().for_each(|policy| policies.entry(policy).or_default().edges += 1);
        }
        let mut policies: Vec<_> =
            policies.into_iter().map(|(name, used)| (name.to_owned(), used)).collect();
        policies.sort_by_key(|(_, used)| Reverse(used.allowed + used.denied));
        policies
    }
}
