//! Rows about services: what it costs to program them, to change one, and to connect to one.

mod connect;
mod group;
mod measure;
mod part;
mod peers;
mod workload;

use std::{collections::BTreeSet, io, path::Path};

pub use measure::{ServiceBenchError, ServiceTimes, measure_services};
pub use part::{InvalidPart, ServicePart};

use self::{group::Group as ControlGroup, measure::subject};
use super::{
    alone,
    catalogue::{Group, RowSpec},
    cluster,
    error::BenchError,
    goal::Goal,
    report::Row,
    run::Findings,
    statistics::percentile_of,
};

const PROGRAM: &str = "service-program";
const CAPACITY: &str = "service-capacity";
const CHANGE: &str = "service-change";
const MEMORY: &str = "service-memory";
const CONNECT_10: &str = "service-connect-10";
const CONNECT_10K: &str = "service-connect-10k";
const IPTABLES_10: &str = "service-iptables-10";
const IPTABLES_10K: &str = "service-iptables-10k";
const NFTABLES_10K: &str = "service-nftables-10k";

/// Returns the rows of this group.
pub(super) fn rows() -> Vec<RowSpec> {
    let row = |name: &str, unit, most, about: &str| {
        RowSpec::new(name, Group::Service, unit, Goal::AtMost(most), about)
    };
    vec![
        row(
            PROGRAM,
            "ms",
            150.0,
            "10,000 services with 10 backends each, from event to last map entry",
        ),
        row(
            CAPACITY,
            "ms",
            750.0,
            "50,000 services with 10 backends each, likewise: five times as many, five times as long",
        ),
        row(CHANGE, "ms", 2.0, "one of these services changed, from event to last map entry, p99"),
        row(MEMORY, "MiB", 40.0, "memory that they take in a process, map entries apart"),
        row(
            CONNECT_10,
            "us",
            1.25,
            "connect() to the last of 10 services, against its backend, p50",
        ),
        row(CONNECT_10K, "us", 1.05, "connect() to the last of 10,000 services, against 10, p50"),
        row(IPTABLES_10, "us", 0.77, "connect() to the last of 10 services, against iptables, p50"),
        row(IPTABLES_10K, "us", 0.0667, "the same with 10,000 services, against iptables, p50"),
        row(NFTABLES_10K, "us", 0.8, "the same with 10,000 services, against nftables, p50"),
    ]
}

/// Measures the chosen rows of this group, all in one process.
///
/// # Errors
/// When the run is cancelled. A failure costs the rows, with a note.
pub(super) fn measure_all(
    rows: &[RowSpec],
    program: &Path,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    alone::measure(
        rows,
        Group::Service,
        "services",
        findings,
        |findings| run(program, &parts(rows), findings),
        |times, spec| match spec.name.as_str() {
            PROGRAM => Row::absolute(spec, &times.program),
            CAPACITY => Row::absolute(spec, &times.capacity),
            CHANGE => Row::absolute(spec, &[percentile_of(&times.change, 0.99)]),
            MEMORY => Row::absolute(spec, &[times.memory]),
            name => Row::compared(spec, &times.connect, compared(name), 0),
        },
    )
}

/// Returns what has to be measured for the chosen rows.
fn parts(rows: &[RowSpec]) -> BTreeSet<ServicePart> {
    let part = |row: &RowSpec| match row.name.as_str() {
        PROGRAM | MEMORY => ServicePart::Program,
        CAPACITY => ServicePart::Capacity,
        CHANGE => ServicePart::Change,
        _ => ServicePart::Connect,
    };
    rows.iter().filter(|row| row.group == Group::Service).map(part).collect()
}

/// Returns who is compared with whom in a row about connections.
fn compared(row: &str) -> (usize, usize) {
    match row {
        CONNECT_10 => (subject::FEW, subject::BACKEND),
        IPTABLES_10 => (subject::FEW, subject::IPTABLES_FEW),
        IPTABLES_10K => (subject::MANY, subject::IPTABLES_MANY),
        NFTABLES_10K => (subject::MANY, subject::NFTABLES_MANY),
        _ => (subject::MANY, subject::FEW),
    }
}

fn run(
    program: &Path,
    parts: &BTreeSet<ServicePart>,
    findings: &Findings<'_>,
) -> Result<ServiceTimes, BenchError> {
    let failed = |source| BenchError::Command { command: "skep bench service".into(), source };
    let group = ControlGroup::new().map_err(|error| failed(io::Error::other(error)))?;
    let path = group.path().display().to_string();
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    let parts = parts.join(",");
    let words = ["bench", "service", "--cgroup", &path, "--parts", &parts];
    let (_, answer) = cluster::run(program, &words, "", || findings.check())?;
    serde_json::from_str(&answer).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_chosen_rows_need_is_measured() {
        let chosen = |names: &[&str]| {
            let rows: Vec<_> =
                rows().into_iter().filter(|row| names.contains(&row.name.as_str())).collect();
            parts(&rows).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(chosen(&[PROGRAM, MEMORY]), [ServicePart::Program]);
        assert_eq!(chosen(&[IPTABLES_10, NFTABLES_10K]), [ServicePart::Connect]);
        assert!(parts(&rows()).into_iter().eq(ServicePart::ALL), "all of it for all rows");
    }
}
