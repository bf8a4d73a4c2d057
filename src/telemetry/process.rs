//! What the process takes from its machine, under the names that every Prometheus knows.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Ticks of `/proc/PID/stat` in a second: the kernel's `USER_HZ`, which programs can rely on.
const TICKS: f64 = 100.0;

/// Reads `/proc` when somebody asks.
#[derive(Debug)]
pub(super) struct Process;

/// What `/proc` says, in seconds and bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    /// Since 1970.
    start_seconds: f64,
    resident_bytes: f64,
    files: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        // Without /proc there is nothing to tell.
        let Some(usage) = Usage::read() else { return Ok(()) };
        let gauges = [
            ("process_start_time_seconds", "When the process began", usage.start_seconds),
            ("process_resident_memory_bytes", "Memory in use", usage.resident_bytes),
            ("process_open_fds", "Open files", usage.files),
        ];
        for (name, help, value) in gauges {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(descriptor)?;
        }
        let (name, help) = ("process_cpu_seconds", "Time on processors");
        let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(usage.cpu_seconds).encode(descriptor)
    }
}

impl Usage {
    fn read() -> Option<Self> {
        let text = |path| fs::read_to_string(path).ok();
        Some(Self {
            files: fs::read_dir("/proc/self/fd").ok()?.count() as f64,
            ..Self::parse(
                &text("/proc/self/stat")?,
                &text("/proc/self/status")?,
                &text("/proc/stat")?,
            )?
        })
    }

    /// Reads the files of proc(5); the name of a program may have spaces and parentheses in it.
    fn parse(stat: &str, status: &str, machine: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // Fields are counted from 1, and these begin with the third.
        let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        let number = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        Some(Self {
            cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS,
            start_seconds: number(machine, "btime ")? + ticks(22)? / TICKS,
            resident_bytes: number(status, "VmRSS:")? * 1024.0,
            files: 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn files_of_proc_are_read_whatever_the_program_is_called() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("77 (a) (b c) {}", fields.join(" "));
        let usage = Usage::parse(&stat, "Name:\tx\nVmRSS:\t  12 kB\n", "cpu 1\nbtime 1000\n");
        let expected = Usage {
            cpu_seconds: 0.29,
            start_seconds: 1000.22,
            resident_bytes: 12_288.0,
            files: 0.0,
        };
        assert_eq!(usage, Some(expected));
        assert!(Usage::read().is_some_and(|usage| usage.resident_bytes > 0.0));
    }
}
