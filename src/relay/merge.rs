//! Flows of several nodes in order of time.
//!
//! A node tells its flows nearly in order, so a flow is next once every node has told of something later. A node
//! that has nothing to tell would hold up all others; so nothing waits for longer than a second, and where many
//! flows come, no more of them wait than there is room for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::hubble::observer::GetFlowsResponse;

/// Most flows that wait for older ones: some 50 MB of them.
const MOST: usize = 16_384;
/// How long a flow waits for older ones of other nodes.
const WAIT: Duration = Duration::from_secs(1);
/// How far a node's own flows may be out of order, as its processors write their events at the same time.
const SLACK: SignedDuration = SignedDuration::from_millis(10);

/// Live flows that wait for older ones.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    heap: BinaryHeap<Reverse<Entry>>,
    next: u64,
    /// Until when each node that answers has told; none while it has told nothing.
    told: BTreeMap<String, Option<Timestamp>>,
    /// Until when all of them have.
    all_told: Option<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    key: (Timestamp, u64),
    arrived: Instant,
    message: Box<GetFlowsResponse>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Waiting {
    /// A node will tell flows from now on.
    pub(super) fn join(&mut self, node: String) {
        self.told.insert(node, None);
        self.sum_up();
    }

    /// A node tells no more; nothing waits for it.
    pub(super) fn leave(&mut self, node: &str) {
        self.told.remove(node);
        self.sum_up();
    }

    pub(super) fn push(&mut self, node: &str, message: Box<GetFlowsResponse>, arrived: Instant) {
        let time = message.moment();
        let key = (time, self.next);
        self.next += 1;
        self.heap.push(Reverse(Entry { key, arrived, message }));
        if let Some(told) = self.told.get_mut(node) {
            let before = *told;
            *told = before.max(Some(time));
            // Only who was behind all others can have held them up.
            if before == self.all_told {
                self.sum_up();
            }
        }
    }

    fn sum_up(&mut self) {
        self.all_told = self.told.values().copied().min().flatten();
    }

    /// Returns when the oldest flow has waited long enough.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let Reverse(oldest) = self.heap.peek()?;
        let later = |told: Timestamp| told.duration_since(oldest.key.0) >= SLACK;
        let is_next = self.all_told.is_some_and(later) || self.heap.len() > MOST;
        Some(if is_next { now } else { oldest.arrived + WAIT })
    }

    /// Takes the oldest flow if its wait is over.
    pub(super) fn take(&mut self, now: Instant) -> Option<GetFlowsResponse> {
        if self.due_at(now)? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| *entry.message)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::{GetFlowsResponse, MOST, WAIT, Waiting};

    fn message(millisecond: i64) -> GetFlowsResponse {
        let time = Timestamp::from_millisecond(millisecond).unwrap();
        GetFlowsResponse { time: Some(time.into()), ..GetFlowsResponse::default() }
    }

    fn waiting(nodes: &[&str]) -> Waiting {
        let mut waiting = Waiting::default();
        nodes.iter().for_each(|node| waiting.join((*node).to_owned()));
        waiting
    }

    #[test]
    fn late_flows_are_put_in_order_for_a_second() {
        let start = Instant::now();
        let mut waiting = waiting(&["a", "b", "silent"]);
        waiting.push("a", Box::new(message(2)), start);
        waiting.push("b", Box::new(message(1)), start + WAIT / 2);
        assert!(waiting.take(start + WAIT / 2).is_none());
        // The older one came later: it holds the other back for its own second at most.
        let now = start + WAIT * 2;
        let order = [waiting.take(now), waiting.take(now)];
        assert_eq!(order, [Some(message(1)), Some(message(2))]);
        assert!(waiting.take(now).is_none());
    }

    #[test]
    fn a_flow_waits_for_no_node_that_has_told_of_later_ones() {
        let now = Instant::now();
        let mut waiting = waiting(&["a", "b"]);
        waiting.push("a", Box::new(message(1)), now);
        waiting.push("a", Box::new(message(100)), now);
        assert!(waiting.take(now).is_none());
        waiting.push("b", Box::new(message(50)), now);
        assert_eq!(waiting.take(now), Some(message(1)));
        assert!(waiting.take(now).is_none());
        // Whoever left holds nothing up.
        waiting.leave("b");
        assert_eq!(waiting.take(now), Some(message(50)));
        assert!(waiting.take(now).is_none());
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let now = Instant::now();
        let mut waiting = waiting(&["a", "silent"]);
        (0..=MOST).for_each(|at| waiting.push("a", Box::new(message(at as i64)), now));
        assert_eq!(waiting.take(now), Some(message(0)));
        assert!(waiting.take(now).is_none());
    }

    #[test]
    fn clocks_that_are_set_hold_nothing_up_for_longer_than_a_second() {
        const HOUR: i64 = 3_600_000;
        for jump in [-HOUR, HOUR] {
            let start = Instant::now();
            let mut waiting = waiting(&["a", "b"]);
            for step in 0..10 {
                let a = if step < 5 { step } else { step + jump };
                waiting.push("a", Box::new(message(2 * HOUR + a)), start);
                waiting.push("b", Box::new(message(2 * HOUR + step)), start);
            }
            let now = start + WAIT;
            assert_eq!(std::iter::from_fn(|| waiting.take(now)).count(), 20, "{jump}");
        }
    }

    proptest! {
        /// However nodes take turns: as long as each tells its own flows in order, all of them come in order.
        #[test]
        fn nodes_that_tell_in_order_are_merged_in_order(
            turns in prop::collection::vec((0..4_usize, 0..40_i64), 1..200),
        ) {
            let names = ["a", "b", "c", "d"];
            let now = Instant::now();
            let mut waiting = waiting(&names);
            let mut clocks = [0; 4];
            let mut out = Vec::new();
            for (node, step) in &turns {
                clocks[*node] += step;
                waiting.push(names[*node], Box::new(message(clocks[*node])), now);
                out.extend(std::iter::from_fn(|| waiting.take(now)));
            }
            out.extend(std::iter::from_fn(|| waiting.take(now + WAIT)));
            prop_assert_eq!(out.len(), turns.len());
            prop_assert!(out.is_sorted_by_key(GetFlowsResponse::moment));
        }
    }
}
