//! The loop.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    adoption, budget, cronjob, daemonset, deployment, endpoints, endpointslice, eviction, job,
    namespace, node, replicaset, scheduler, service, snapshot::Snapshot, statefulset, storage,
};
use crate::lab::cluster::{Action, Cluster};

/// How long changes are collected before they are looked at.
const GATHER: Duration = Duration::from_millis(3);
/// How often the clock is looked at: deadlines, schedules and nodes that fell silent.
const TICK: Duration = Duration::from_secs(1);
/// A longer time between two looks means that this process stood still.
const LONGEST_GAP: SignedDuration = SignedDuration::from_secs(5);
/// The first pause after a write was refused; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the controllers need to know besides the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Families of services, in order of preference.
    pub(crate) families: crate::config::IpFamilies,
    /// PEM of the authority, for `kube-root-ca.crt`.
    pub(crate) authority: String,
}

/// Runs all controllers until shutdown.
pub(crate) async fn run(cluster: Cluster, settings: Settings, shutdown: CancellationToken) {
    let work = async {
        let mut changes = cluster.changes();
        let mut refusals = Refusals::default();
        let mut awake = Awake::new(Timestamp::now());
        loop {
            changes.mark_unchanged();
            let awake_since = awake.look(Timestamp::now());
            let snapshot = Snapshot::of(&cluster, awake_since);
            let may_try = |action: &Action| refusals.may_try(&action.key(), Instant::now());
            // First of all it is settled what belongs to whom: an orphan that is about to be
            // adopted needs no replacement.
            let mut actions = adoption::plan(&snapshot);
            actions.retain(may_try);
            if actions.is_empty() {
                actions = plan(&snapshot, &settings);
                actions.retain(may_try);
            }
            if !actions.is_empty() {
                let tried: Vec<String> = actions.iter().map(Action::key).collect();
                let refused = cluster.run(actions).await;
                refusals.note(&tried, &refused, Instant::now());
                continue;
            }
            match timeout(TICK, changes.changed()).await {
                Ok(Err(_)) => return,
                Ok(Ok(())) => sleep(GATHER).await,
                Err(_) => {}
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

/// Since when the clock has been looked at without a gap. What was not heard while this process stood
/// still was not silent.
struct Awake {
    since: Timestamp,
    looked: Timestamp,
}

impl Awake {
    fn new(now: Timestamp) -> Self {
        Self { since: now, looked: now }
    }

    fn look(&mut self, now: Timestamp) -> Timestamp {
        if now.duration_since(self.looked) > LONGEST_GAP {
            self.since = now;
        }
        self.looked = now;
        self.since
    }
}

/// Writes that were refused, by what they were for: tried again after a pause, so that one object
/// that cannot be helped holds up nobody else.
#[derive(Default)]
struct Refusals {
    until: HashMap<String, (Instant, Duration)>,
}

impl Refusals {
    fn may_try(&self, key: &str, now: Instant) -> bool {
        self.until.get(key).is_none_or(|(until, _)| *until <= now)
    }

    fn note(&mut self, tried: &[String], refused: &[String], now: Instant) {
        for key in refused {
            let pause = self.until.get(key).map_or(FIRST_PAUSE, |(_, pause)| *pause * 2);
            let pause = pause.min(LONGEST_PAUSE);
            self.until.insert(key.clone(), (now + pause, pause));
        }
        for key in tried.iter().filter(|key| !refused.contains(key)) {
            self.until.remove(key);
        }
    }
}

fn plan(snapshot: &Snapshot, settings: &Settings) -> Vec<Action> {
    let pods = snapshot.pods_by_owner();
    let mut actions = namespace::plan(snapshot, &settings.authority);
    actions.extend(node::plan(snapshot));
    actions.extend(eviction::plan(snapshot));
    actions.extend(deployment::plan(snapshot));
    actions.extend(replicaset::plan(snapshot, &pods));
    actions.extend(statefulset::plan(snapshot, &pods));
    actions.extend(daemonset::plan(snapshot, &pods));
    actions.extend(cronjob::plan(snapshot));
    actions.extend(job::plan(snapshot, &pods));
    actions.extend(storage::plan(snapshot));
    actions.extend(budget::plan(snapshot));
    actions.extend(scheduler::plan(snapshot));
    actions.extend(service::plan(snapshot, settings.families));
    actions.extend(endpointslice::plan(snapshot));
    actions.extend(endpoints::plan(snapshot));
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_starts_the_clock_anew() {
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        let mut awake = Awake::new(at(0));
        assert_eq!(awake.look(at(4)), at(0));
        assert_eq!(awake.look(at(9)), at(0));
        assert_eq!(awake.look(at(39)), at(39), "30 s without a look");
        assert_eq!(awake.look(at(40)), at(39));
    }

    #[test]
    fn what_is_refused_waits_longer_each_time_and_alone() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        let (a, both) = (["a".to_owned()], ["a".to_owned(), "b".to_owned()]);
        refusals.note(&both, &a, start);
        assert!(!refusals.may_try("a", start) && refusals.may_try("b", start));
        let later = start + FIRST_PAUSE;
        assert!(refusals.may_try("a", later));
        refusals.note(&a, &a, later);
        assert!(!refusals.may_try("a", later + FIRST_PAUSE));
        refusals.note(&a, &[], later);
        assert!(refusals.may_try("a", later));
    }
}
