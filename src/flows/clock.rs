//! Monotonic time, as programs read it (`bpf_ktime_get_ns`), to wall clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// The offset between monotonic time and the wall clock, as it was when asked.
///
/// NTP moves the wall clock, and monotonic time stands still while a machine is suspended; long-lived users ask
/// again now and then.
#[derive(Clone, Copy, Debug)]
pub struct BootClock {
    boot: Timestamp,
}

impl BootClock {
    /// Reads both clocks.
    pub fn now() -> Self {
        let boot = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
        let since_boot = SignedDuration::new(boot.tv_sec(), nanos(boot.tv_nsec()));
        Self::at(Timestamp::now(), since_boot)
    }

    /// Says that at `wall` the machine had been up for `since_boot`.
    pub fn at(wall: Timestamp, since_boot: SignedDuration) -> Self {
        Self { boot: wall.checked_sub(since_boot).unwrap_or(Timestamp::UNIX_EPOCH) }
    }

    /// Returns the wall clock at a time since boot.
    pub fn wall(&self, since_boot: Duration) -> Timestamp {
        self.boot.checked_add(since_boot).unwrap_or(Timestamp::MAX)
    }
}

fn nanos(nanos: i64) -> i32 {
    i32::try_from(nanos).expect("less than a second")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::BootClock;

    #[test]
    fn boot_time_becomes_wall_clock_to_the_nanosecond() {
        let wall: Timestamp = "2026-11-24T12:00:10Z".parse().unwrap();
        let clock = BootClock::at(wall, SignedDuration::from_secs(10));
        let shown = clock.wall(Duration::from_nanos(1_000_000_007)).to_string();
        assert_eq!(shown, "2026-11-24T12:00:01.000000007Z");
        assert_eq!(clock.wall(Duration::MAX), Timestamp::MAX);
    }
}
