//! What is told about exports: Hubble's metrics of dynamic exporters, and counts of flows.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
};
use sha2::{Digest, Sha256};

use crate::agent::metrics::put;

/// What runs, and what became of it.
#[derive(Debug, Default)]
pub(in crate::agent) struct Board(Mutex<State>);

/// Flows of one export.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) exported: AtomicU64,
    pub(super) lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Of the file, and when it was applied.
    applied: Option<(i64, Timestamp)>,
    changes: BTreeMap<&'static str, u64>,
    /// Exports that are configured, and when they end.
    configured: BTreeMap<String, Option<Timestamp>>,
    /// By export; what is gone stays, so that counters never fall.
    counts: BTreeMap<String, Arc<Counts>>,
}

/// What happens to an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Update,
    Remove,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while holding the lock")
    }

    /// Notes that the file counts.
    pub(super) fn apply(&self, text: &str, exports: BTreeMap<String, Option<Timestamp>>) {
        let mut state = self.state();
        state.applied = Some((hash(text), Timestamp::now()));
        state.configured = exports;
    }

    pub(super) fn change(&self, change: Change) {
        let operation = match change {
            Change::Add => "add",
            Change::Update => "update",
            Change::Remove => "remove",
        };
        *self.state().changes.entry(operation).or_default() += 1;
    }

    /// Returns the counts of an export.
    pub(super) fn counts(&self, name: &str) -> Arc<Counts> {
        Arc::clone(self.state().counts.entry(name.to_owned()).or_default())
    }
}

/// Metrics are floating point, which holds 48 bits exactly.
fn hash(text: &str) -> i64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(6).fold(0, |hash, byte| hash << 8 | i64::from(*byte))
}

/// Hubble's metrics; names and labels: `pkg/hubble/exporter/metrics.go` of Cilium.
#[derive(Debug)]
pub(in crate::agent) struct HubbleMetrics(pub(in crate::agent) Arc<Board>);

/// Counts of flows, which Hubble does not have.
#[derive(Debug)]
pub(in crate::agent) struct OwnMetrics(pub(in crate::agent) Arc<Board>);

type Labels = Vec<(&'static str, String)>;

impl Collector for HubbleMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let state = self.0.state();
        if let Some((hash, time)) = state.applied {
            let hash = ConstGauge::<i64>::new(hash);
            let help = ("dynamic_exporter_config_hash", "Hash of the file that counts");
            put(&mut encoder, help, &hash)?;
            let time = ConstGauge::<i64>::new(time.as_second());
            let help = ("dynamic_exporter_config_last_applied", "When the file began to count");
            put(&mut encoder, help, &time)?;
        }
        let changes = Family::<Labels, Counter>::default();
        for (operation, count) in &state.changes {
            changes.get_or_create(&vec![("op", (*operation).to_owned())]).inc_by(*count);
        }
        let help = ("dynamic_exporter_reconfigurations", "Changes of exports");
        put(&mut encoder, help, &changes)?;
        let (up, exporters) =
            (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
        let of = |status: &str| exporters.get_or_create_owned(&vec![("status", status.to_owned())]);
        let (active, inactive) = (of("active"), of("inactive"));
        let now = Timestamp::now();
        for (name, end) in &state.configured {
            let is_up = end.is_none_or(|end| end > now);
            up.get_or_create(&vec![("name", name.clone())]).set(is_up.into());
            if is_up { &active } else { &inactive }.inc();
        }
        put(&mut encoder, ("dynamic_exporter_exporters_total", "Exports of the file"), &exporters)?;
        put(&mut encoder, ("dynamic_exporter_up", "Whether an export is not over"), &up)
    }
}

impl Collector for OwnMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let state = self.0.state();
        let (exported, lost) =
            (Family::<Labels, Counter>::default(), Family::<Labels, Counter>::default());
        for (name, counts) in &state.counts {
            let labels = vec![("name", name.clone())];
            exported.get_or_create(&labels).inc_by(counts.exported.load(Ordering::Relaxed));
            lost.get_or_create(&labels).inc_by(counts.lost.load(Ordering::Relaxed));
        }
        put(
            &mut encoder,
            ("exported_flows", "Flows that an export has written or sent"),
            &exported,
        )?;
        let help =
            ("export_lost_flows", "Flows that an export could not write, send or keep up with");
        put(&mut encoder, help, &lost)
    }
}
