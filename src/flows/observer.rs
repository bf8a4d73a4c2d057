//! The store of flows and its readers.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::broadcast;

use super::{
    BootClock, EventFilter, Matcher, Monitor, Record, Request, Resolve, SubscribeError,
    Subscription, Window,
    filter::Subject as _,
    here::Here,
    history::{History, HistorySettings, Past, Wanted},
    metrics::{FlowMetrics, MetricSpecs},
    namespaces::Namespaces,
    rate::Rate,
    ring::{Ring, in_order},
    subscription::{Live, Seat},
    talks::Talks,
};
use crate::{events::Event, hubble::flow::LostEventSource};

/// Records that travel together to followers.
const BATCH: usize = 128;
/// Batches that a slow follower may be behind; then it loses the oldest. While little happens a batch is what came in
/// five milliseconds, so this is two seconds and more; what a flood fills it with is 64 Ki records.
const BATCHES_BEHIND: usize = 512;
/// How long the offset between boot time and wall clock is used.
const CLOCK_AGE: Duration = Duration::from_secs(10);

/// How much an [`Observer`] keeps, and what it calls itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the node.
    pub node: String,
    /// Most records kept; a quarter is for drops.
    pub max_records: usize,
    /// Most bytes kept.
    pub max_bytes: usize,
    /// Most readers at a time.
    pub max_readers: usize,
    /// What is counted.
    pub metrics: MetricSpecs,
    /// What is kept on disk; none = nothing.
    pub history: Option<HistorySettings>,
}

impl Settings {
    /// Returns `cluster/node`, the name under which flows go out.
    pub(super) fn node_name(&self) -> String {
        format!("{}/{}", self.cluster, self.node)
    }

    /// Returns the defaults for a node.
    pub fn new(cluster: impl Into<String>, node: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            node: node.into(),
            max_records: 8192,
            max_bytes: 8 << 20,
            max_readers: 64,
            metrics: MetricSpecs::default(),
            history: None,
        }
    }
}

/// Keeps the last records and hands new ones to followers. Pushing never waits for a reader.
pub struct Observer {
    settings: Settings,
    resolve: Arc<dyn Resolve>,
    ring: Mutex<Ring>,
    history: Option<Arc<History>>,
    clock: RwLock<(Instant, BootClock)>,
    followers: broadcast::Sender<Arc<[Arc<Record>]>>,
    talks: Mutex<Talks>,
    recent: Mutex<Recent>,
    metrics: Arc<FlowMetrics>,
    started: Instant,
    readers: Arc<AtomicU64>,
    seen: AtomicU64,
}

/// What the last minute and the last hour brought.
struct Recent {
    rate: Rate,
    namespaces: Namespaces,
}

/// What a reader needs no disk for.
struct Memory {
    records: Vec<Arc<Record>>,
    /// Of each lane, from this sequence on all are here.
    from: [u64; 2],
    /// Since then, all of both lanes are here.
    whole_since: Duration,
}

/// What an observer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Events pushed.
    pub seen: u64,
    /// Events lost before they were pushed.
    pub lost: u64,
    /// Records stored now.
    pub stored: usize,
    /// Records that there is room for.
    pub room: usize,
    /// Events per second, over the last minute.
    pub rate: f64,
    /// Since the start.
    pub uptime: Duration,
    /// Readers now.
    pub readers: u64,
}

impl Observer {
    /// Makes an empty store.
    pub fn new(settings: Settings, resolve: Arc<dyn Resolve>) -> Arc<Self> {
        let ring = Ring::new(settings.max_records, settings.max_bytes);
        let started = Instant::now();
        let recent = Recent { rate: Rate::new(started), namespaces: Namespaces::default() };
        let metrics = Arc::new(FlowMetrics::new(&settings.metrics));
        let history = settings.history.clone().map(|settings| Arc::new(History::new(settings)));
        Arc::new(Self {
            settings,
            resolve,
            ring: Mutex::new(ring),
            history,
            clock: RwLock::new((Instant::now(), BootClock::now())),
            followers: broadcast::Sender::new(BATCHES_BEHIND),
            talks: Mutex::default(),
            recent: Mutex::new(recent),
            metrics,
            started,
            readers: Arc::default(),
            seen: AtomicU64::new(0),
        })
    }

    /// Takes events in, in the order in which they were read.
    pub fn push(&self, events: impl IntoIterator<Item = Event>) {
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let owned = self.own(events.by_ref().take(BATCH));
            self.note(&owned);
            self.store(owned);
        }
    }

    /// Looks up whose events are.
    fn own(&self, events: impl Iterator<Item = Event>) -> Vec<Arc<Record>> {
        let mut talks = self.talks.lock().expect("no panic while holding the lock");
        let resolve = self.resolve.as_ref();
        // What is filtered on the way says nothing of its number.
        let mut records = Vec::with_capacity(BATCH);
        records.extend(events.map(|event| Arc::new(Record::new(event, resolve, &mut talks))));
        records
    }

    fn note(&self, records: &[Arc<Record>]) {
        let now = Instant::now();
        let mut recent = self.recent();
        recent.rate.add(records.len() as u64, now);
        recent.namespaces.see(records.iter().map(AsRef::as_ref), now);
        drop(recent);
        self.metrics.count(records);
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().expect("no panic while holding the lock")
    }

    /// Numbers, stores and sends under one lock: a new reader's stored flows end where its live
    /// ones begin, and numbers rise by one for every follower.
    fn store(&self, mut records: Vec<Arc<Record>>) {
        let mut ring = self.ring.lock().expect("no panic while holding the lock");
        let first = self.seen.fetch_add(records.len() as u64, Ordering::Relaxed);
        for (sequence, record) in (first..).zip(&mut records) {
            Arc::get_mut(record).expect("nobody else has it yet").sequence = sequence;
            ring.push(Arc::clone(record));
        }
        if let Some(history) = &self.history {
            history.push(&records);
        }
        // An error means that nobody follows.
        let _ = self.followers.send(records.into());
    }

    /// Says that events were lost before they could be pushed.
    pub fn lose(&self, events: u64) {
        self.metrics.lose(events, LostEventSource::PerfEventRingBuffer);
    }

    /// Returns what is counted.
    pub fn metrics(&self) -> &Arc<FlowMetrics> {
        &self.metrics
    }

    /// Returns what is kept on disk, if anything is.
    pub fn history(&self) -> Option<&Arc<History>> {
        self.history.as_ref()
    }

    /// Returns what it has done so far.
    pub fn stats(&self) -> Stats {
        Stats {
            seen: self.seen.load(Ordering::Relaxed),
            lost: self.lost(),
            stored: self.ring.lock().expect("no panic while holding the lock").len(),
            room: self.settings.max_records,
            rate: self.recent().rate.per_second(Instant::now()),
            uptime: self.started.elapsed(),
            readers: self.readers.load(Ordering::Relaxed),
        }
    }

    /// Returns the namespaces that flows were about in the last hour, in order.
    pub fn namespaces(&self) -> Vec<String> {
        self.recent().namespaces.lately(Instant::now())
    }

    /// Returns the name of the cluster.
    pub fn cluster(&self) -> &str {
        &self.settings.cluster
    }

    /// Returns `cluster/node`, the name under which flows go out.
    pub fn node_name(&self) -> String {
        self.settings.node_name()
    }

    /// Starts to answer a request.
    ///
    /// # Errors
    /// When a filter makes no sense or there are too many readers.
    pub fn subscribe(self: &Arc<Self>, request: &Request) -> Result<Subscription, SubscribeError> {
        let matcher = Matcher::compile(request)?;
        let seat = Seat::take(&self.readers, self.settings.max_readers)?;
        let (mut memory, live) = {
            let ring = self.ring.lock().expect("no panic while holding the lock");
            let next_sequence = self.seen.load(Ordering::Relaxed);
            let batches = request.follow.then(|| self.followers.subscribe());
            let live = batches.map(|batches| Live { batches, next_sequence });
            (self.memory(&ring), live)
        };
        in_order(&mut memory.records);
        let past = self.past(request, &matcher, &memory);
        let stored = (past, memory.records);
        Ok(Subscription::new(request, matcher, stored, live, Arc::clone(self), seat))
    }

    /// Returns what is in the ring, and what was pushed out of it and is not on disk yet.
    fn memory(&self, ring: &Ring) -> Memory {
        let (mut records, mut from) = (ring.snapshot(), ring.oldest());
        if let Some(history) = &self.history {
            let (waiting, all_from) = history.before(from);
            records.extend(waiting);
            from = all_from;
        }
        Memory { records, from, whole_since: ring.whole_since().unwrap_or_default() }
    }

    /// Returns the way through what is on disk, unless memory has all that is asked for.
    fn past(&self, request: &Request, matcher: &Matcher, memory: &Memory) -> Option<Past> {
        let history = self.history.as_ref()?;
        let wanted = match request.window {
            Some(Window::First(0) | Window::Last(0)) => return None,
            Some(Window::First(_) | Window::Last(usize::MAX)) | None => Wanted::All,
            Some(Window::Last(count)) => {
                let here = self.here();
                let begin = |record: &Arc<Record>| record.event.time < memory.whole_since;
                let whole = &memory.records[memory.records.partition_point(begin)..];
                if here.seen(whole, matcher).take(count).count() == count {
                    return None;
                }
                // Older ones are left out by the reader, too.
                let known = here.seen(&memory.records, matcher).rev().take(count);
                let known = known.map(|seen| seen.moment());
                Wanted::Newest { count, known: known.collect() }
            }
        };
        Some(Past::new(Arc::clone(history), request, matcher.clone(), memory.from, wanted))
    }

    /// Starts to hand out new events as they are.
    ///
    /// # Errors
    /// When there are too many readers.
    pub fn monitor(self: &Arc<Self>, filter: EventFilter) -> Result<Monitor, SubscribeError> {
        let seat = Seat::take(&self.readers, self.settings.max_readers)?;
        // In this order, records that come meanwhile are in the stream and not counted as lost.
        let batches = self.followers.subscribe();
        let live = (batches, self.seen.load(Ordering::Relaxed));
        Ok(Monitor::new(live, filter, Arc::clone(self), seat))
    }

    /// Returns how many events were lost before they were pushed.
    pub(super) fn lost(&self) -> u64 {
        self.metrics.lost(LostEventSource::PerfEventRingBuffer)
    }

    /// Returns what all flows of this moment have in common.
    pub(super) fn here(&self) -> Here<'_> {
        let (settings, clock) = (&self.settings, self.clock());
        Here { settings, clock, node_labels: self.resolve.node_labels() }
    }

    /// NTP moves the wall clock, so its offset is read again now and then.
    fn clock(&self) -> BootClock {
        let (read, clock) = *self.clock.read().expect("no panic while holding the lock");
        if read.elapsed() < CLOCK_AGE {
            return clock;
        }
        let fresh = BootClock::now();
        *self.clock.write().expect("no panic while holding the lock") = (Instant::now(), fresh);
        fresh
    }
}
