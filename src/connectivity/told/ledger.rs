//! What agents have told so far.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    expected::{Expected, expected},
    talk::Told,
};
use crate::connectivity::{plan::Check, probe::Outcome, topology::Topology};

/// What agents have told so far, each kind of packet once.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    told: HashMap<String, HashSet<Told>>,
    /// When an agent last lost some of what it had to tell, and how much.
    lost: BTreeMap<String, (Instant, String)>,
    /// Why an agent tells no more.
    ended: BTreeMap<String, String>,
    /// Why nobody tells anything.
    silent: Option<String>,
    /// What should have been told, by node.
    missing: Vec<(String, String)>,
}

impl Book {
    /// Tells whether something is missing that packets from this moment on should have made.
    fn lacks(&self, expected: &Expected, begun: Instant) -> bool {
        let Expected { node, told } = expected;
        let is_told = self.told.get(node).is_some_and(|all| all.contains(told));
        let may_be_lost = self.lost.get(node).is_some_and(|(last, _)| *last >= begun);
        !is_told && self.silent.is_none() && !may_be_lost && !self.ended.contains_key(node)
    }
}

impl Ledger {
    /// Notes what the agent of a node tells.
    pub fn hear(&self, node: &str, told: Told) {
        let mut book = self.book();
        let is_new = match book.told.get_mut(node) {
            Some(all) => all.insert(told),
            None => book.told.insert(node.to_owned(), HashSet::from([told])).is_none(),
        };
        drop(book);
        if is_new {
            self.changed.notify_waiters();
        }
    }

    /// Notes that the agent of a node lost some of what it had to tell: nothing is missed of what began before now.
    pub fn lose(&self, node: &str, reason: String) {
        self.book().lost.insert(node.to_owned(), (Instant::now(), reason));
        self.changed.notify_waiters();
    }

    /// Notes that the agent of a node tells no more: nothing is missed from there any more.
    pub fn end(&self, node: &str, reason: String) {
        self.book().ended.entry(node.to_owned()).or_insert(reason);
        self.changed.notify_waiters();
    }

    /// Notes that nobody tells anything.
    pub fn silence(&self, reason: String) {
        self.book().silent.get_or_insert(reason);
        self.changed.notify_waiters();
    }

    /// Tells whether a node was heard, or why it is not.
    pub(super) fn knows(&self, node: &str) -> bool {
        let book = self.book();
        book.silent.is_some() || book.told.contains_key(node) || book.ended.contains_key(node)
    }

    /// Forgets what was told so far.
    pub(super) fn forget(&self) {
        self.book().told.clear();
    }

    /// Waits for the next thing that is told after this call.
    pub(super) fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }

    /// Returns why not everything was told that should be, of all nodes or of some.
    pub(in crate::connectivity) fn gaps(&self) -> Vec<String> {
        let book = self.book();
        let lost = book.lost.iter().map(|(node, (_, reason))| (node, reason));
        let of_nodes = lost.chain(&book.ended).map(|(node, reason)| format!("{node}: {reason}"));
        book.silent.iter().cloned().chain(of_nodes).collect()
    }

    /// Returns what should have been told, with the node.
    pub(in crate::connectivity) fn missing(&self) -> Vec<(String, String)> {
        self.book().missing.clone()
    }

    /// A panic of another holder leaves nothing half-written.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything was told that packets made from some moment on; returns what was not.
    async fn wait_for(
        &self,
        mut open: Vec<Expected>,
        (begun, until): (Instant, Instant),
    ) -> Vec<Expected> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let book = self.book();
                open.retain(|expected| book.lacks(expected, begun));
            }
            if open.is_empty() || timeout_at(until, changed).await.is_err() {
                return open;
            }
        }
    }
}

/// Compares checks with what agents tell.
pub(in crate::connectivity) struct Audit<'a> {
    pub(in crate::connectivity) ledger: &'a Ledger,
    pub(in crate::connectivity) topology: &'a Topology,
    /// How long agents may take to tell.
    pub(in crate::connectivity) patience: Duration,
}

impl Audit<'_> {
    /// Says for each check that just ended, and began no earlier than `begun`, what agents do not tell of it.
    pub(in crate::connectivity) async fn weigh(
        &self,
        begun: Instant,
        outcomes: Vec<(usize, Outcome)>,
        checks: &[Check],
    ) -> Vec<(usize, (Outcome, Option<String>))> {
        let of_each: Vec<Vec<Expected>> = outcomes
            .iter()
            .map(|(at, outcome)| expected(&checks[*at], outcome, self.topology))
            .collect();
        let until = Instant::now() + self.patience;
        let missing = self.ledger.wait_for(of_each.concat(), (begun, until)).await;
        let weigh = |((at, outcome), expected): ((usize, Outcome), Vec<Expected>)| {
            let first = expected.into_iter().find(|expected| missing.contains(expected));
            (at, (outcome, first.map(|first| self.note(begun, &first))))
        };
        outcomes.into_iter().zip(of_each).map(weigh).collect()
    }

    /// Notes what is missing, and says it; with what its agent lost before, which is no excuse but may explain it.
    fn note(&self, begun: Instant, Expected { node, told }: &Expected) -> String {
        let mut book = self.ledger.book();
        book.missing.push((node.clone(), format!("not told: {told}")));
        let missing = format!("the agent of {node} does not tell of {told}");
        match book.lost.get(node) {
            None => missing,
            Some((last, reason)) => {
                let before = begun.saturating_duration_since(*last).as_secs_f64();
                format!("{missing} ({reason}, but {before:.1} s before this was tried)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, plan, topology::FAMILIES};

    fn answered() -> Outcome {
        Outcome::Answered { micros: 1, lost: 0, seen_as: None, mtu: None, servers: Vec::new() }
    }

    struct Stage {
        topology: Topology,
        checks: Vec<Check>,
        ledger: Ledger,
        begun: Instant,
    }

    /// Pods of two nodes that reach each other.
    fn stage() -> Stage {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        let scenario =
            Scenario::ALL.iter().find(|one| one.name == "pod-to-pod").expect("it is there");
        let checks = plan(&[scenario], &topology).remove(0).planned.checks;
        Stage { topology, checks, ledger: Ledger::default(), begun: Instant::now() }
    }

    impl Stage {
        async fn weigh(&self, patience: Duration) -> Vec<Option<String>> {
            let Self { topology, checks, ledger, .. } = self;
            let audit = Audit { ledger, topology, patience };
            let outcomes = (0..checks.len()).map(|at| (at, answered())).collect();
            let weighed = audit.weigh(self.begun, outcomes, checks).await;
            weighed.into_iter().map(|(_, (_, account))| account).collect()
        }

        fn expected(&self) -> Vec<Expected> {
            let all =
                self.checks.iter().flat_map(|check| expected(check, &answered(), &self.topology));
            all.collect()
        }
    }

    #[tokio::test]
    async fn what_is_told_late_is_told() {
        let stage = stage();
        let tell = async {
            for Expected { node, told } in stage.expected() {
                tokio::task::yield_now().await;
                stage.ledger.hear(&node, told);
            }
        };
        let (accounts, ()) = tokio::join!(stage.weigh(Duration::from_secs(60)), tell);
        assert!(accounts.iter().all(Option::is_none), "{accounts:?}");
        assert_eq!((stage.ledger.missing(), stage.ledger.gaps()), (Vec::new(), Vec::new()));
    }

    #[tokio::test]
    async fn one_thing_that_is_not_told_fails_the_checks_that_it_belongs_to() {
        let stage = stage();
        let mut all = stage.expected();
        let Expected { node, told } = all.swap_remove(0);
        for other in all.into_iter().filter(|other| other.told != told) {
            stage.ledger.hear(&other.node, other.told);
        }
        // Another node's word does not count.
        stage.ledger.hear("node-2", told.clone());
        let accounts: Vec<String> =
            stage.weigh(Duration::ZERO).await.into_iter().flatten().collect();
        assert_eq!(accounts, [format!("the agent of {node} does not tell of {told}")]);
        assert_eq!(stage.ledger.missing(), [(node, format!("not told: {told}"))]);
    }

    #[tokio::test]
    async fn agents_that_lost_something_or_are_not_there_miss_nothing() {
        let mut stage = stage();
        let of = |node: &'static str| move |text: &String| text.starts_with(node);
        let accounts = async |stage: &Stage| {
            stage.weigh(Duration::ZERO).await.into_iter().flatten().collect::<Vec<_>>()
        };
        stage.ledger.lose("node-1", "3 events were lost".into());
        let left = accounts(&stage).await;
        assert!(!left.is_empty() && left.iter().all(of("the agent of node-2")), "{left:?}");
        assert_eq!(stage.ledger.gaps(), ["node-1: 3 events were lost"]);
        // What began after the loss cannot have been lost with it.
        stage.begun = Instant::now() + Duration::from_nanos(1);
        let all = accounts(&stage).await;
        assert!(all.iter().any(of("the agent of node-1")), "{all:?}");
        let lost = " (3 events were lost, but 0.0 s before this was tried)";
        assert!(all.iter().any(|text| text.ends_with(lost)), "{all:?}");
        stage.ledger.end("node-2", "it is gone".into());
        let left = accounts(&stage).await;
        assert!(!left.is_empty() && left.iter().all(of("the agent of node-1")), "{left:?}");
        stage.ledger.silence("no agents".into());
        assert!(accounts(&stage).await.is_empty());
        let gaps = ["no agents", "node-1: 3 events were lost", "node-2: it is gone"];
        assert_eq!(stage.ledger.gaps(), gaps);
    }
}
