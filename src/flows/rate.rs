//! Flows per second, over the last minute.

use std::time::{Duration, Instant};

/// Seconds that are remembered.
const SECONDS: usize = 60;

/// Counts by second.
#[derive(Debug)]
pub(super) struct Rate {
    counts: [u64; SECONDS],
    /// Second of the newest count, since the start.
    second: u64,
    start: Instant,
}

impl Rate {
    pub(super) const fn new(start: Instant) -> Self {
        Self { counts: [0; SECONDS], second: 0, start }
    }

    pub(super) fn add(&mut self, count: u64, now: Instant) {
        self.advance(now);
        self.counts[place(self.second)] += count;
    }

    /// Returns the average; a server that is younger than a minute counts from its start.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.advance(now);
        let window = Duration::from_secs(SECONDS as u64);
        let age = now.duration_since(self.start).clamp(Duration::from_secs(1), window);
        self.counts.iter().sum::<u64>() as f64 / age.as_secs_f64()
    }

    fn advance(&mut self, now: Instant) {
        let second = now.duration_since(self.start).as_secs();
        let passed = second.saturating_sub(self.second).min(SECONDS as u64);
        for empty in 1..=passed {
            self.counts[place(self.second.max(second - passed) + empty)] = 0;
        }
        self.second = self.second.max(second);
    }
}

const fn place(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Rate;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(start);
        rate.add(10, at(0));
        assert!((rate.per_second(at(0)) - 10.0).abs() < 0.01, "the first second");
        rate.add(50, at(30));
        assert!((rate.per_second(at(30)) - 2.0).abs() < 0.01, "since the start");
        assert!((rate.per_second(at(75)) - 50.0 / 60.0).abs() < 0.01, "the first ten are old");
        assert!(rate.per_second(at(1000)) < 0.01, "all is old");
    }
}
