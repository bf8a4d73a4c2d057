//! What the operator counts.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use crate::telemetry::Metrics;

/// Outcome of a write of identity collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Retired,
    Restored,
    Deleted,
    Conflict,
}

impl Write {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::Conflict => "conflict",
        }
    }
}

/// Outcome of telling a policy object whether it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusWrite {
    Written,
    Conflict,
    Failed,
}

impl StatusWrite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// The operator's metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct OperatorMetrics {
    leader: Gauge,
    identities: Family<State, Gauge>,
    writes: Family<Outcome, Counter<u64, AtomicU64>>,
    failures: Counter<u64, AtomicU64>,
    conditions: Family<Outcome, Counter<u64, AtomicU64>>,
}

impl OperatorMetrics {
    /// Makes and registers them.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let made = Self::default();
        metrics.register("operator", |registry| {
            let leader = made.leader.clone();
            registry.register("leader", "Whether this operator leads", leader);
            let identities = made.identities.clone();
            registry.register("identities", "Identities by state", identities);
            let writes = made.writes.clone();
            registry.register("identity_writes", "Writes of identity collection", writes);
            let failures = made.failures.clone();
            registry.register("collection_failures", "Rounds of collection that failed", failures);
            let conditions = made.conditions.clone();
            registry.register("policy_conditions", "Writes of conditions of policies", conditions);
        });
        made
    }

    /// Notes whether this operator leads.
    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Notes what the last round saw.
    pub(super) fn saw(&self, used: usize, all: usize, retired: usize) {
        let set = |state, count: usize| {
            let gauge = self.identities.get_or_create(&State { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set("used", used);
        set("unused", all - used);
        set("retired", retired);
    }

    /// Counts a write.
    pub(super) fn wrote(&self, write: Write) {
        self.writes.get_or_create(&Outcome { outcome: write.as_str() }).inc();
    }

    /// Counts what became of a condition of a policy.
    pub(super) fn told(&self, write: StatusWrite) {
        self.conditions.get_or_create(&Outcome { outcome: write.as_str() }).inc();
    }

    /// Counts a round that failed.
    pub(super) fn failed(&self) {
        self.failures.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_one_moves() {
        let registry = Metrics::new();
        let metrics = OperatorMetrics::new(&registry);
        metrics.leads(true);
        metrics.saw(3, 5, 1);
        metrics.wrote(Write::Deleted);
        metrics.failed();
        metrics.told(StatusWrite::Written);
        let text = registry.encode();
        for line in [
            "skep_operator_leader 1",
            "skep_operator_identities{state=\"used\"} 3",
            "skep_operator_identities{state=\"unused\"} 2",
            "skep_operator_identities{state=\"retired\"} 1",
            "skep_operator_identity_writes_total{outcome=\"deleted\"} 1",
            "skep_operator_collection_failures_total 1",
            "skep_operator_policy_conditions_total{outcome=\"written\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
