//! Which identities to retire, restore and delete. Pure: the time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{config::CollectionTimes, model::Identity};

/// In a space that is this full, in percent, the waits shorten.
const PRESSURE: usize = 90;

/// By how much the waits shorten: 15 minutes become one.
const SHORTER: u32 = 15;

/// Writes of one round; what remains is still due in the next.
const ROUND: usize = 256;

/// An identity object at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Tells it from an earlier object of the same number.
    pub(super) uid: String,
    /// Whether it is retired.
    pub(super) retired: bool,
}

/// The cluster at one moment. The users were read after the identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// All identities.
    pub(super) identities: BTreeMap<Identity, Seen>,
    /// Those that some endpoint has.
    pub(super) used: BTreeSet<Identity>,
}

/// Something to write, if the object is still as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It has users: take the mark away.
    Restore(Identity),
    /// It was retired for long enough.
    Delete(Identity),
    /// It was unused for long enough: mark it.
    Retire(Identity),
}

/// Remembers since when identities are unused, and in which phase.
///
/// Only times that this process has watched itself count: clocks of machines differ, and a new
/// leader does not know what happened before it. A change of leader thus makes collection later,
/// never earlier.
#[derive(Debug)]
pub(super) struct Collector {
    times: CollectionTimes,
    space: usize,
    unused: BTreeMap<Identity, Unused>,
}

#[derive(Clone, Debug)]
struct Unused {
    seen: Seen,
    since: Duration,
}

impl Collector {
    /// Makes one for a space of so many numbers.
    pub(super) fn new(times: CollectionTimes, space: usize) -> Self {
        Self { times, space, unused: BTreeMap::new() }
    }

    /// Forgets all waits, for what happened meanwhile is not known.
    pub(super) fn forget(&mut self) {
        self.unused.clear();
    }

    /// Takes in what the cluster looks like and returns what to write: restores first, then the
    /// oldest of each phase.
    pub(super) fn decide(&mut self, view: &View, now: Duration) -> Vec<Action> {
        self.remember(view, now);
        let mut actions: Vec<_> = view
            .identities
            .iter()
            .filter(|(number, seen)| seen.retired && view.used.contains(number))
            .map(|(number, _)| Action::Restore(*number))
            .collect();
        let mut waiting: Vec<_> = self.unused.iter().collect();
        waiting.sort_by_key(|(_, unused)| unused.since);
        let (retired, fresh): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, unused)| unused.seen.retired);
        let excess = view.identities.len().saturating_sub(self.space * PRESSURE / 100);
        // Those that are retired already are about to make room.
        let more = excess.saturating_sub(retired.len());
        actions.extend(due(&retired, self.times.retired, excess, now).map(Action::Delete));
        actions.extend(due(&fresh, self.times.unused, more, now).map(Action::Retire));
        actions.truncate(ROUND);
        actions
    }

    fn remember(&mut self, view: &View, now: Duration) {
        self.unused.retain(|number, _| view.identities.contains_key(number));
        for (number, seen) in &view.identities {
            if view.used.contains(number) {
                self.unused.remove(number);
                continue;
            }
            let unused = self
                .unused
                .entry(*number)
                .or_insert_with(|| Unused { seen: seen.clone(), since: now });
            if unused.seen != *seen {
                *unused = Unused { seen: seen.clone(), since: now };
            }
        }
    }
}

/// Returns those that have waited long enough; of the oldest `hurried` a shorter wait is enough.
fn due(
    waiting: &[(&Identity, &Unused)],
    wait: Duration,
    hurried: usize,
    now: Duration,
) -> impl Iterator<Item = Identity> {
    let due = waiting.iter().enumerate().filter(move |(place, (_, unused))| {
        let wait = if *place < hurried { wait / SHORTER } else { wait };
        now.saturating_sub(unused.since) >= wait
    });
    due.map(|(_, (number, _))| **number).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMES: CollectionTimes =
        CollectionTimes { unused: Duration::from_secs(900), retired: Duration::from_secs(600) };

    /// `(number, uid, retired, used)`.
    fn view(identities: &[(u32, &str, bool, bool)]) -> View {
        let mut view = View::default();
        for (number, uid, retired, used) in identities {
            let seen = Seen { uid: (*uid).into(), retired: *retired };
            view.identities.insert(Identity(*number), seen);
            if *used {
                view.used.insert(Identity(*number));
            }
        }
        view
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_unused_identity_is_retired_then_deleted() {
        let mut collector = Collector::new(TIMES, 1000);
        let fresh = view(&[(300, "a", false, false), (301, "b", false, true)]);
        assert_eq!(collector.decide(&fresh, at(5)), []);
        assert_eq!(collector.decide(&fresh, at(904)), []);
        assert_eq!(collector.decide(&fresh, at(905)), [Action::Retire(Identity(300))]);
        let retired = view(&[(300, "a", true, false), (301, "b", false, true)]);
        assert_eq!(collector.decide(&retired, at(910)), []);
        assert_eq!(collector.decide(&retired, at(1509)), []);
        assert_eq!(collector.decide(&retired, at(1510)), [Action::Delete(Identity(300))]);
    }

    #[test]
    fn any_use_starts_the_wait_again_and_takes_the_mark_away() {
        let mut collector = Collector::new(TIMES, 1000);
        collector.decide(&view(&[(300, "a", true, false)]), at(0));
        let used = view(&[(300, "a", true, true)]);
        assert_eq!(collector.decide(&used, at(599)), [Action::Restore(Identity(300))]);
        collector.decide(&view(&[(300, "a", false, false)]), at(600));
        assert_eq!(collector.decide(&view(&[(300, "a", false, false)]), at(1499)), []);
    }

    #[test]
    fn an_object_made_again_has_its_own_wait() {
        let mut collector = Collector::new(TIMES, 1000);
        collector.decide(&view(&[(300, "a", false, false)]), at(0));
        assert_eq!(collector.decide(&view(&[(300, "b", false, false)]), at(900)), []);
    }

    #[test]
    fn a_full_space_shortens_the_waits_of_the_oldest_but_skips_no_phase() {
        let mut collector = Collector::new(TIMES, 10);
        let old = view(&[(300, "a", false, false)]);
        collector.decide(&old, at(0));
        let mut full = view(&[(301, "b", false, false)]);
        full.identities.extend(old.identities.clone());
        for number in 302..310 {
            full.identities.insert(Identity(number), Seen { uid: "u".into(), retired: false });
            full.used.insert(Identity(number));
        }
        assert_eq!(collector.decide(&full, at(59)), []);
        // Ten of ten are in use: one too many, so one is hurried, the oldest.
        assert_eq!(collector.decide(&full, at(120)), [Action::Retire(Identity(300))]);
        full.identities.get_mut(&Identity(300)).unwrap().retired = true;
        assert_eq!(collector.decide(&full, at(130)), []);
        assert_eq!(collector.decide(&full, at(169)), []);
        assert_eq!(collector.decide(&full, at(170)), [Action::Delete(Identity(300))]);
    }

    proptest! {
        /// Whatever users do: nothing is retired or deleted that was used within the shortest
        /// wait, and nothing is deleted that was not retired for the shortest wait.
        #[test]
        fn no_phase_is_skipped(
            space in 1usize..12,
            rounds in proptest::collection::vec((0u64..400, any::<u8>(), any::<u8>()), 1..60),
        ) {
            let mut collector = Collector::new(TIMES, space);
            let mut cluster: BTreeMap<Identity, Seen> = BTreeMap::new();
            let mut last_used: BTreeMap<Identity, u64> = BTreeMap::new();
            let mut retired_at: BTreeMap<Identity, u64> = BTreeMap::new();
            let mut now = 0;
            for (step, used, made) in rounds {
                now += step;
                let mut view = View::default();
                for bit in 0..8 {
                    let number = Identity(300 + bit);
                    if made & (1 << bit) != 0 && !cluster.contains_key(&number) {
                        cluster.insert(number, Seen { uid: now.to_string(), retired: false });
                        last_used.insert(number, now);
                    }
                    if used & (1 << bit) != 0 && cluster.contains_key(&number) {
                        view.used.insert(number);
                        last_used.insert(number, now);
                    }
                }
                view.identities.clone_from(&cluster);
                for action in collector.decide(&view, at(now)) {
                    match action {
                        Action::Restore(number) => {
                            prop_assert!(view.used.contains(&number));
                            cluster.get_mut(&number).unwrap().retired = false;
                        }
                        Action::Retire(number) => {
                            prop_assert!(now - last_used[&number] >= 60);
                            cluster.get_mut(&number).unwrap().retired = true;
                            retired_at.insert(number, now);
                        }
                        Action::Delete(number) => {
                            prop_assert!(cluster[&number].retired);
                            prop_assert!(now - retired_at[&number] >= 40);
                            prop_assert!(now - last_used[&number] >= 100);
                            cluster.remove(&number);
                        }
                    }
                }
            }
        }
    }
}
