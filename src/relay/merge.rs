//! Flows of several nodes in order of time.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::hubble::observer::GetFlowsResponse;

/// Most flows that wait for older ones.
const MOST: usize = 100;
/// How long a flow waits for older ones of other nodes.
const WAIT: Duration = Duration::from_secs(1);

/// Live flows that wait for older ones.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    heap: BinaryHeap<Reverse<Entry>>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    key: (Timestamp, u64),
    arrived: Instant,
    message: GetFlowsResponse,
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
    pub(super) fn push(&mut self, message: GetFlowsResponse, arrived: Instant) {
        let key = (message.moment(), self.next);
        self.next += 1;
        self.heap.push(Reverse(Entry { key, arrived, message }));
    }

    /// Returns when the oldest flow has waited long enough.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let Reverse(oldest) = self.heap.peek()?;
        Some(if self.heap.len() > MOST { now } else { oldest.arrived + WAIT })
    }

    /// Takes the oldest flow if its wait is over.
    pub(super) fn take(&mut self, now: Instant) -> Option<GetFlowsResponse> {
        if self.due_at(now)? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.message)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::{GetFlowsResponse, MOST, WAIT, Waiting};

    fn message(second: i64) -> GetFlowsResponse {
        let time = Timestamp::from_second(second).unwrap();
        GetFlowsResponse { time: Some(time.into()), ..GetFlowsResponse::default() }
    }

    #[test]
    fn late_flows_are_put_in_order_for_a_second() {
        let start = Instant::now();
        let mut waiting = Waiting::default();
        waiting.push(message(2), start);
        waiting.push(message(1), start + WAIT / 2);
        assert!(waiting.take(start + WAIT / 2).is_none());
        // The older one came later: it holds the other back for its own second at most.
        let now = start + WAIT * 2;
        let order = [waiting.take(now), waiting.take(now)];
        assert_eq!(order, [Some(message(1)), Some(message(2))]);
        assert!(waiting.take(now).is_none());
    }

    #[test]
    fn no_more_than_a_hundred_wait() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        (0..=MOST).for_each(|second| waiting.push(message(second as i64), now));
        assert_eq!(waiting.take(now), Some(message(0)));
        assert!(waiting.take(now).is_none());
    }
}
