//! Watches that survive whatever the API server does.

use std::{
    collections::HashSet,
    fmt::Debug,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use super::{Malformed, chain};

/// First and longest pause after a failure. An agent is one client among few; it may return soon.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A list this much shorter than the last one must be seen twice before anything is deleted.
const SUSPICIOUS: (usize, usize) = (8, 2);

/// Pause before a suspicious list is asked for again.
const CONFIRM_AFTER: Duration = Duration::from_secs(5);

/// Something that can be watched: an API object and what skep makes of it.
pub trait Watched: Sized + Send + 'static {
    /// The API object.
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + 'static;

    /// What people call many of them.
    const NOUN: &'static str;

    /// Takes what skep needs.
    ///
    /// # Errors
    /// When the object cannot mean anything; it is then treated as absent.
    fn from_object(object: &Self::Object) -> Result<Self, Malformed>;

    /// Returns what tells it from the others.
    fn key(&self) -> String;
}

/// News of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// All of them; what is missing is gone.
    Listed(Vec<T>),
    /// One is new or different.
    Changed(T),
    /// One is gone; its key.
    Gone(String),
}

/// How a watch is doing.
#[derive(Debug, Default)]
pub struct WatchState {
    synced: AtomicBool,
    failures: AtomicU64,
    failing: Mutex<Option<String>>,
}

impl WatchState {
    /// Tells whether a complete list has arrived since the start.
    pub fn synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Returns how often the watch failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Returns the last failure, unless the watch has recovered.
    pub fn failing(&self) -> Option<String> {
        self.failing.lock().expect("no panic while holding the lock").clone()
    }

    fn fail(&self, message: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.failing.lock().expect("no panic while holding the lock") = Some(message);
    }

    fn recover(&self, noun: &str) {
        let before = self.failing.lock().expect("no panic while holding the lock").take();
        if before.is_some() {
            info!(noun, "watch recovered");
        }
    }
}

/// Watches for ever and tells every change to `emit`, in order. Drop the future to stop.
///
/// A list replaces what was known only when it has arrived completely; one that is suspiciously
/// short deletes nothing until a second list confirms it.
pub async fn watch<W: Watched>(
    api: Api<W::Object>,
    config: watcher::Config,
    state: &WatchState,
    emit: impl FnMut(Change<W>) + Send,
) where
    <W::Object as Resource>::DynamicType: Clone,
{
    run(api, config, state, Absence::Fault, emit).await;
}

/// Watches a kind that a cluster need not have: as long as it does not, there are no such objects.
pub async fn watch_if_served<W: Watched>(
    api: Api<W::Object>,
    config: watcher::Config,
    state: &WatchState,
    emit: impl FnMut(Change<W>) + Send,
) where
    <W::Object as Resource>::DynamicType: Clone,
{
    run(api, config, state, Absence::Empty, emit).await;
}

/// What it means that the API server does not know a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absence {
    /// A failure like any other.
    Fault,
    /// There are no such objects.
    Empty,
}

async fn run<W: Watched>(
    api: Api<W::Object>,
    config: watcher::Config,
    state: &WatchState,
    absence: Absence,
    mut emit: impl FnMut(Change<W>) + Send,
) where
    <W::Object as Resource>::DynamicType: Clone,
{
    // The dead-connection window of the watcher is this plus 5 s.
    let config = config.timeout(55);
    let mut known = HashSet::new();
    let mut confirming = false;
    loop {
        let mut stream = std::pin::pin!(watcher::watcher(api.clone(), config.clone()));
        let mut backoff = BACKOFF.0;
        let mut listed = Vec::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => listed.extend(parse::<W>(&object)),
                Ok(Event::InitDone) => {
                    let all = std::mem::take(&mut listed);
                    if suspicious(known.len(), all.len()) && !confirming {
                        let (known, listed) = (known.len(), all.len());
                        warn!(noun = W::NOUN, known, listed, "list is suspiciously short");
                        all.into_iter().for_each(|item| emit(Change::Changed(item)));
                        confirming = true;
                        break;
                    }
                    known = all.iter().map(W::key).collect();
                    confirming = false;
                    emit(Change::Listed(all));
                    state.synced.store(true, Ordering::Release);
                }
                Ok(Event::Apply(object)) => {
                    if let Some(item) = parse::<W>(&object) {
                        known.insert(item.key());
                        emit(Change::Changed(item));
                    }
                }
                Ok(Event::Delete(object)) => {
                    if let Some(item) = parse::<W>(&object) {
                        known.remove(&item.key());
                        emit(Change::Gone(item.key()));
                    }
                }
                Err(error) if absence == Absence::Empty && is_not_served(&error) => {
                    // Whoever takes a kind away takes its objects away; a blunder of the server is
                    // over when it is asked again.
                    if known.is_empty() || confirming {
                        known.clear();
                        confirming = false;
                        emit(Change::Listed(Vec::new()));
                        state.synced.store(true, Ordering::Release);
                        state.recover(W::NOUN);
                    } else {
                        confirming = true;
                    }
                    break;
                }
                Err(error) => {
                    warn!(noun = W::NOUN, %error, "watch failed");
                    state.fail(chain(&error));
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                    continue;
                }
            }
            backoff = BACKOFF.0;
            state.recover(W::NOUN);
        }
        tokio::time::sleep(CONFIRM_AFTER).await;
    }
}

/// Tells whether the API server does not know the kind.
fn is_not_served(error: &watcher::Error) -> bool {
    let source = match error {
        watcher::Error::InitialListFailed(source)
        | watcher::Error::WatchStartFailed(source)
        | watcher::Error::WatchFailed(source) => source,
        _ => return false,
    };
    matches!(source, kube::Error::Api(status) if status.code == 404)
}

fn suspicious(known: usize, listed: usize) -> bool {
    known >= SUSPICIOUS.0 && listed < known / SUSPICIOUS.1
}

fn parse<W: Watched>(object: &W::Object) -> Option<W> {
    W::from_object(object).inspect_err(|error| warn!(noun = W::NOUN, %error, "object ignored")).ok()
}
