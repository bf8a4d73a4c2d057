//! All metrics of flows.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};

use super::{
    context::Context,
    count::Count,
    key::Key,
    series::Series,
    spec::{MetricSpec, MetricSpecs},
    told::Told,
    traffic::Traffic,
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
    traffic: Option<Traffic>,
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
pub(super) struct Metric {
    pub(super) spec: MetricSpec,
    labels: Vec<&'static str>,
    series: Mutex<Series>,
}

impl FlowMetrics {
    /// Starts to count.
    pub fn new(specs: &MetricSpecs) -> Self {
        let is_traffic = |spec: &&MetricSpec| spec.count == Count::Traffic;
        let plain = specs.metrics.iter().filter(|spec| !is_traffic(spec));
        Self {
            metrics: plain.map(Metric::new).collect(),
            traffic: specs.metrics.iter().find(is_traffic).map(Traffic::new),
            lost: Default::default(),
        }
    }

    /// Counts records.
    pub(in crate::flows) fn count(&self, records: &[Arc<Record>]) {
        let alike = alike(records);
        for metric in &self.metrics {
            if metric.spec.context.is_empty() {
                metric.count_alike(&alike);
            } else {
                metric.count(records);
            }
        }
        self.traffic.iter().for_each(|traffic| traffic.count(records));
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
        self.all().for_each(|metric| metric.series().forget(&is_there));
    }

    fn all(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().chain(self.traffic.iter().map(|traffic| &traffic.metric))
    }
}

impl Metric {
    pub(super) fn new(spec: &MetricSpec) -> Self {
        let labels = spec.labels();
        let series = Mutex::new(Series::new(labels.len(), BUDGET));
        Self { spec: spec.clone(), labels, series }
    }

    /// Counts records whose ends no label is about.
    fn count_alike(&self, alike: &HashMap<Told, u64, RandomState>) {
        let mut key = Key::default();
        let mut series = self.series();
        for (told, count) in alike {
            self.spec.count.each(*told, &mut key, |key| series.add(key, *count, Vec::new));
        }
    }

    fn count(&self, records: &[Arc<Record>]) {
        let mut key = Key::default();
        let mut series = self.series();
        for record in records {
            for kind in record.kinds() {
                self.spec.count.each(Told::of(record, kind), &mut key, |key| {
                    self.spec.context.write(record, key);
                    series.add(key, 1, || pods(&self.spec.context, record));
                });
            }
        }
    }

    pub(super) fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().expect("no panic while holding the lock")
    }
}

/// Returns how many of the records are told alike.
fn alike(records: &[Arc<Record>]) -> HashMap<Told, u64, RandomState> {
    let mut alike = HashMap::default();
    for record in records {
        for kind in record.kinds() {
            *alike.entry(Told::of(record, kind)).or_default() += 1;
        }
    }
    alike
}

/// Returns the pods whose values the labels are.
pub(super) fn pods(context: &Context, record: &Record) -> Vec<Arc<PeerInfo>> {
    let [of_source, of_destination] = context.is_of_pods();
    let source = record.source.iter().filter(|_| of_source);
    let destination = record.destination.iter().filter(|_| of_destination);
    source.chain(destination).filter(|owner| !owner.pod.is_empty()).cloned().collect()
}

/// Reads the counters when somebody asks.
impl Collector for FlowMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in self.all() {
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
