//! What the operator counts.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
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
    const ALL: [Self; 4] = [Self::Retired, Self::Restored, Self::Deleted, Self::Conflict];

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
    const ALL: [Self; 3] = [Self::Written, Self::Conflict, Self::Failed];

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

/// Outcome of a round of identity collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Done,
    Failed,
    /// The lease was not renewed meanwhile.
    CutShort,
}

impl Round {
    const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::CutShort];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::CutShort => "cut-short",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    certificate: &'static str,
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
    rounds: Family<Outcome, Counter<u64, AtomicU64>>,
    collected: Gauge,
    certificates: Family<Named, Gauge>,
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
            let rounds = made.rounds.clone();
            registry.register("collection_rounds", "Rounds of collection by outcome", rounds);
            let help = "When a round of collection was last done, since 1970";
            let collected = made.collected.clone();
            registry.register("last_collection_timestamp_seconds", help, collected);
            let help = "When each certificate that the operator renews is over, since 1970";
            let certificates = made.certificates.clone();
            registry.register("certificate_expiry_timestamp_seconds", help, certificates);
            let conditions = made.conditions.clone();
            registry.register("policy_conditions", "Writes of conditions of policies", conditions);
        });
        // What appears only when it first counts hides that first time from `increase`.
        let zero = |family: &Family<Outcome, Counter<u64, AtomicU64>>, outcome| {
            drop(family.get_or_create(&Outcome { outcome }));
        };
        Write::ALL.iter().for_each(|write| zero(&made.writes, write.as_str()));
        StatusWrite::ALL.iter().for_each(|write| zero(&made.conditions, write.as_str()));
        Round::ALL.iter().for_each(|round| zero(&made.rounds, round.as_str()));
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

    /// Counts a round of collection that ended now.
    pub(super) fn ended(&self, round: Round, now: Timestamp) {
        self.rounds.get_or_create(&Outcome { outcome: round.as_str() }).inc();
        match round {
            Round::Done => drop(self.collected.set(now.as_second())),
            Round::Failed => drop(self.failures.inc()),
            Round::CutShort => {}
        }
    }

    /// Notes until when a certificate is good.
    pub(super) fn certificate(&self, certificate: &'static str, until: Timestamp) {
        self.certificates.get_or_create(&Named { certificate }).set(until.as_second());
    }

    /// Forgets certificates: somebody else tends them now.
    pub(super) fn forget_certificates(&self) {
        self.certificates.clear();
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
        let now = Timestamp::from_second(1_900_000_000).unwrap();
        metrics.ended(Round::Done, now);
        metrics.ended(Round::Failed, now);
        metrics.certificate("a-secret", now);
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
            "skep_operator_collection_rounds_total{outcome=\"done\"} 1",
            "skep_operator_last_collection_timestamp_seconds 1900000000",
            "skep_operator_certificate_expiry_timestamp_seconds{certificate=\"a-secret\"} 1900000000",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.forget_certificates();
        assert!(!registry.encode().contains("a-secret"));
    }
}
