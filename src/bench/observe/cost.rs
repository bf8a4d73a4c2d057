//! What pods pay for being watched: two nodes alike, of which one is not.

use std::{sync::Arc, time::Duration};

use crate::{
    bench::{
        catalogue::{DATAGRAM, Group, Ip, Metric, REQUEST, RowSpec, TAIL},
        error::BenchError,
        flows::Owners,
        goal::Goal,
        report::Row,
        rounds::{Schedule, measure},
        run::{Findings, Options},
        topology::{self, Topology, Watched},
        worker::Load,
    },
    flows::{Observer, Settings},
};

/// Length of a sample.
const SAMPLE: Duration = Duration::from_millis(400);

const QUIET: &str = "skep, unwatched";
const WATCHED: &str = "skep, watched";

/// What is compared, and how much more it may take.
const COSTS: [(Load, usize, Metric, f64); 3] = [
    (Load::Request, 0, REQUEST, 1.03),
    (Load::Request, 1, TAIL, 1.10),
    (Load::Datagram, 0, DATAGRAM, 1.07),
];

/// Returns the rows.
pub(super) fn rows() -> Vec<RowSpec> {
    let row = |metric: Metric, ip, limit| RowSpec {
        name: name(&metric, ip),
        group: Group::Observe,
        unit: metric.unit,
        goal: Goal::AtMost(limit),
        about: format!(
            "{}, {ip}, with flows stored and counted, against nobody reading events",
            metric.about
        ),
    };
    let of = |(_, _, metric, limit)| Ip::ALL.map(|ip| row(metric, ip, limit));
    COSTS.into_iter().flat_map(of).collect()
}

fn name(metric: &Metric, ip: Ip) -> String {
    format!("observe-{}-{ip}", metric.name)
}

/// Measures the chosen rows.
///
/// # Errors
/// When a node cannot be made, a sample fails, or the run is cancelled.
pub(super) fn measure_all(
    options: &Options,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    let is_chosen = |row: &RowSpec| options.rows.iter().any(|chosen| chosen.name == row.name);
    if !rows().iter().any(is_chosen) {
        return Ok(());
    }
    let observer = Observer::new(Settings::new("default", "bench"), Arc::new(Owners::new()));
    let make = |name, watched| {
        let made = topology::skep(name, &options.program, watched);
        made.map_err(|source| BenchError::Topology { name, source })
    };
    // The reference comes first.
    let mut nodes = [make(QUIET, Watched::Not)?, make(WATCHED, Watched::Stored(observer))?];
    let schedule = Schedule { rounds: options.rounds, redos: options.rounds };
    for load in [Load::Request, Load::Datagram] {
        for ip in Ip::ALL {
            measure_load(&mut nodes, (load, ip), (options, schedule), findings)?;
        }
    }
    Ok(())
}

fn measure_load(
    nodes: &mut [Topology; 2],
    (load, ip): (Load, Ip),
    (options, schedule): (&Options, Schedule),
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    let of_load = COSTS.into_iter().filter(|(of, ..)| *of == load);
    let chosen: Vec<(&RowSpec, usize)> = of_load
        .filter_map(|(_, value, metric, _)| {
            let name = name(&metric, ip);
            Some((options.rows.iter().find(|row| row.name == name)?, value))
        })
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let series = measure(schedule, nodes.len(), |at| {
        let what = format!("{} {ip} over {}", load.values()[0].name, nodes[at].name());
        findings.step(&what)?;
        nodes[at].sample(load, ip, SAMPLE).map_err(|source| BenchError::Sample { what, source })
    })?;
    for (spec, value) in chosen {
        findings.add(Row::compared(spec, &series, (1, 0), value));
    }
    Ok(())
}
