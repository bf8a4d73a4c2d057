//! How long it takes until changes of policies are in force.

use std::time::Instant;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Changes that are timed at once; of more, the first ones are.
const MOST: usize = 1024;

/// Times changes from when they are seen.
#[derive(Debug)]
pub(super) struct Delays {
    since: Vec<Instant>,
    seconds: Histogram,
}

impl Default for Delays {
    fn default() -> Self {
        // From half a millisecond to half a minute.
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 17));
        Self { since: Vec::new(), seconds }
    }
}

impl Delays {
    /// A change was seen.
    pub(super) fn seen(&mut self, now: Instant) {
        if self.since.len() < MOST {
            self.since.push(now);
        }
    }

    /// All that was seen so far is in force.
    pub(super) fn in_force(&mut self, now: Instant) {
        for since in self.since.drain(..) {
            self.seconds.observe(now.saturating_duration_since(since).as_secs_f64());
        }
    }

    /// Returns the times; what it returns goes on to count.
    pub(super) fn seconds(&self) -> Histogram {
        self.seconds.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn each_change_is_timed_once_and_no_more_wait_than_there_is_room_for() {
        let mut delays = Delays::default();
        let start = Instant::now();
        delays.seen(start);
        delays.seen(start + Duration::from_secs(1));
        delays.in_force(start + Duration::from_secs(3));
        delays.in_force(start + Duration::from_secs(9));
        let metrics = Metrics::new();
        metrics.register("test", |registry| registry.register("x", "Times", delays.seconds()));
        let text = metrics.encode();
        assert!(text.contains("skep_test_x_sum 5.0\n"), "{text}");
        assert!(text.contains("skep_test_x_count 2\n"), "{text}");
        (0..2 * MOST).for_each(|_| delays.seen(start));
        delays.in_force(start);
        let count = format!("skep_test_x_count {}\n", 2 + MOST);
        assert!(metrics.encode().contains(&count), "{}", metrics.encode());
    }
}
