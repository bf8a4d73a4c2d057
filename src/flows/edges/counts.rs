//! What is counted of an edge.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::hubble::flow::{CiliumEventType, Flow, Verdict};

/// Different policies and causes that are kept of an edge.
const MAX_NAMES: usize = 32;

/// Why packets were dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// Hubble's name, such as POLICY_DENIED.
    pub reason: String,
    /// The policies that decided, as text; empty if none did.
    pub policy: String,
}

/// Drops of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    dropped: u64,
    denied: u64,
    /// When it last happened.
    pub last: Timestamp,
}

/// Flows of one edge.
///
/// A packet that a policy judged is a verdict and then a drop or a trace, which are two flows; drops and
/// forwards count it once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All flows.
    pub flows: u64,
    /// When the newest was seen.
    pub last: Timestamp,
    /// How often policies allowed, by policy and rule.
    pub allowed_by: BTreeMap<String, u64>,
    /// What was dropped, by cause.
    pub drops: BTreeMap<Cause, Drops>,
    forwarded: u64,
    allowed: u64,
    dropped: Drops,
}

impl Drops {
    /// Returns how many packets they were.
    pub fn packets(&self) -> u64 {
        self.dropped.max(self.denied)
    }

    fn add(&mut self, is_verdict: bool, flow: &Flow) {
        let count = if is_verdict { &mut self.denied } else { &mut self.dropped };
        *count += flow.count();
        self.last = self.last.max(flow.moment());
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.dropped += other.dropped;
        self.denied += other.denied;
        self.last = self.last.max(other.last);
    }
}

impl Counts {
    /// Returns how many flows were let through.
    pub fn forwarded(&self) -> u64 {
        self.forwarded.max(self.allowed)
    }

    /// Returns how many packets were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.packets()
    }

    pub(super) fn add(&mut self, flow: &Flow) {
        let is_verdict = flow.kind().r#type == CiliumEventType::POLICY_VERDICT;
        self.flows += flow.count();
        self.last = self.last.max(flow.moment());
        match flow.verdict() {
            Verdict::Dropped | Verdict::Error => self.drop(flow, is_verdict),
            _ => {
                let count = if is_verdict { &mut self.allowed } else { &mut self.forwarded };
                *count += flow.count();
                for policy in flow.deciding() {
                    if let Some(count) = bounded(&mut self.allowed_by, policy.to_string()) {
                        *count += flow.count();
                    }
                }
            }
        }
    }

    fn drop(&mut self, flow: &Flow, is_verdict: bool) {
        let policies: Vec<String> = flow.deciding().map(ToString::to_string).collect();
        let reason = flow.drop_reason_desc().as_str_name().to_owned();
        let cause = Cause { reason, policy: policies.join(", ") };
        if let Some(drops) = bounded(&mut self.drops, cause) {
            drops.add(is_verdict, flow);
        }
        self.dropped.add(is_verdict, flow);
    }
}

/// Makes room for a name, unless there are enough of them.
fn bounded<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K) -> Option<&mut V> {
    let room = map.len() < MAX_NAMES || map.contains_key(&key);
    room.then(|| map.entry(key).or_default())
}
