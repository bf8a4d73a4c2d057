//! The clock of the programs.

use nix::time::{ClockId, clock_gettime};

/// Returns monotonic time in nanoseconds, comparable with the times in map entries and events. The
/// programs read a coarse clock, which is a few milliseconds behind at most.
pub fn monotonic_nanos() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
    let seconds = u64::try_from(now.tv_sec()).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec()).unwrap_or_default()
}
