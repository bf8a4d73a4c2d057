//! All metrics of flows.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};

use super::{
    count::Told,
    key::Key,
    series::Series,
    spec::{MetricSpec, MetricSpecs},
};
use crate::{
    flows::{PeerInfo, Record},
    hubble::flow::LostEventSource,
};

/// Counters that a metric has at most; what comes later is counted together, as `other`.
const BUDGET: usize = 10_000;

/// Counts flows.
#[derive(Debug)]
pub struct FlowMetrics {
    metrics: Vec<Metric>,
    /// By the number of the place.
    lost: [AtomicU64; PLACES.len() + 1],
}

/// Where events can be lost.
const PLACES: [LostEventSource; 3] = [
    LostEventSource::PerfEventRingBuffer,
    LostEventSource::ObserverEventsQueue,
    LostEventSource::HubbleRingBuffer,
];

#[derive(Debug)]
struct Metric {
    spec: MetricSpec,
    labels: Vec<&'static str>,
    series: Mutex<Series>,
}

impl FlowMetrics {
    /// Starts to count.
    pub fn new(specs: &MetricSpecs) -> Self {
        let metric = |spec: &MetricSpec| {
            let labels = spec.labels();
            let series = Mutex::new(Series::new(labels.len(), BUDGET));
            Metric { spec: spec.clone(), labels, series }
        };
        Self { metrics: specs.metrics.iter().map(metric).collect(), lost: Default::default() }
    }

    /// Counts records.
    pub(in crate::flows) fn count(&self, records: &[Arc<Record>]) {
        self.metrics.iter().for_each(|metric| metric.count(records));
    }

    /// Counts events that were lost.
    pub(in crate::flows) fn lose(&self, events: u64, place: LostEventSource) {
        self.lost[place as usize].fetch_add(events, Ordering::Relaxed);
    }

    /// Returns how many events were lost at a place.
    pub fn lost(&self, place: LostEventSource) -> u64 {
        self.lost[place as usize].load(Ordering::Relaxed)
    }

    /// Drops what is about single pods that are gone; to be called each minute.
    pub fn forget(&self, is_there: impl Fn(&PeerInfo) -> bool) {
        self.metrics.iter().for_each(|metric| metric.series().forget(&is_there));
    }
}

impl Metric {
    fn count(&self, records: &[Arc<Record>]) {
        let mut key = Key::default();
        let mut series = self.series();
        for record in records {
            for kind in record.kinds() {
                self.spec.count.each(Told { record, kind }, &mut key, |key| {
                    self.spec.context.write(record, key);
                    series.count(key, || self.pods(record));
                });
            }
        }
    }

    /// Returns the pods whose values the labels are.
    fn pods(&self, record: &Record) -> Vec<Arc<PeerInfo>> {
        let [of_source, of_destination] = self.spec.context.is_of_pods();
        let source = record.source.iter().filter(|_| of_source);
        let destination = record.destination.iter().filter(|_| of_destination);
        source.chain(destination).filter(|owner| !owner.pod.is_empty()).cloned().collect()
    }

    fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().expect("no panic while holding the lock")
    }
}

/// Reads the counters when somebody asks.
impl Collector for FlowMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in &self.metrics {
            let (name, help) = metric.spec.count.metric();
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (values, count) in metric.series().iter() {
                let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(values).collect();
                let counter = ConstCounter::<u64>::new(count);
                counter.encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family =
            encoder.encode_descriptor("lost_events", "Lost events", None, MetricType::Counter)?;
        for place in PLACES {
            let name = place.as_str_name().to_ascii_lowercase();
            let counter = ConstCounter::<u64>::new(self.lost(place));
            counter.encode(family.encode_family(&[("source", name)])?)?;
        }
        Ok(())
    }
}
