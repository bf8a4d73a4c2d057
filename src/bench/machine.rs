//! The machine that a run is made on.

use std::fs;

use nix::{
    sched::{CpuSet, sched_getaffinity},
    sys::utsname::uname,
    unistd::Pid,
};

use super::report::Machine;

/// What is read before a run, to be compared with afterwards.
#[derive(Debug)]
pub(crate) struct Before {
    load: f64,
    times: Vec<u64>,
}

impl Before {
    /// Reads the state now.
    pub(crate) fn now() -> Self {
        Self { load: load(), times: cpu_times() }
    }

    /// Reads the state again and describes the machine.
    pub(crate) fn describe(&self) -> Machine {
        Machine {
            kernel: uname()
                .map(|names| names.release().to_string_lossy().into_owned())
                .unwrap_or_default(),
            cpus: sched_getaffinity(Pid::from_raw(0)).map_or(0, |allowed| {
                (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).count()
            }),
            load: [self.load, load()],
            steal: steal(&self.times, &cpu_times()),
        }
    }
}

/// Returns the load average of the last minute; 0 where /proc does not say.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Returns the CPU times of all CPUs, as the first line of /proc/stat has them.
fn cpu_times() -> Vec<u64> {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect()
}

/// Returns the share of stolen time (field 8) in what passed between two readings.
fn steal(before: &[u64], after: &[u64]) -> f64 {
    // Guest time, from field 9 on, is in user time already.
    let passed: Vec<u64> =
        after.iter().zip(before).take(8).map(|(a, b)| a.saturating_sub(*b)).collect();
    let total: u64 = passed.iter().sum();
    match passed.get(7) {
        Some(stolen) if total > 0 => *stolen as f64 / total as f64,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_what_passed() {
        let before = [10, 0, 10, 100, 0, 0, 0, 5, 7, 0];
        let after = [40, 0, 30, 130, 0, 0, 0, 25, 90, 0];
        assert_eq!(steal(&before, &after), 0.2);
        assert_eq!(steal(&[], &[]), 0.0);
        assert_eq!(steal(&before, &before), 0.0);
    }
}
