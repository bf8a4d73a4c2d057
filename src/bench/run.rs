//! A run, from the chosen rows to the report.

use std::{collections::HashMap, error::Error, path::PathBuf};

use nix::unistd::geteuid;
use tokio_util::sync::CancellationToken;

use super::{
    catalogue::{Group, Ip, RowSpec},
    cluster,
    error::BenchError,
    flows,
    machine::Before,
    observe, policy, programs,
    report::{Report, Row},
    rounds::Schedule,
    service,
    topology::Node,
    traffic,
};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// The rows.
    pub rows: Vec<RowSpec>,
    /// Rounds that count.
    pub rounds: usize,
    /// This program, to be started as `bench worker ROLE` in the pods.
    pub program: PathBuf,
}

/// Whoever watches a run.
pub trait Progress: Sync {
    /// So many samples will be taken, or a few more.
    fn plan(&self, samples: usize);

    /// One begins.
    fn step(&self, what: &str);
}

/// What a run has found so far.
pub(super) struct Findings<'a> {
    rows: HashMap<String, Row>,
    notes: Vec<String>,
    progress: &'a dyn Progress,
    cancel: &'a CancellationToken,
}

impl Findings<'_> {
    /// Tells the watcher what comes next.
    ///
    /// # Errors
    /// [`BenchError::Cancelled`].
    pub(super) fn step(&self, what: &str) -> Result<(), BenchError> {
        self.check()?;
        self.progress.step(what);
        Ok(())
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// [`BenchError::Cancelled`].
    pub(super) fn check(&self) -> Result<(), BenchError> {
        if self.cancel.is_cancelled() { Err(BenchError::Cancelled) } else { Ok(()) }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: Row) {
        self.rows.insert(row.name.clone(), row);
    }

    /// Adds a note.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Adds an error and its sources as a note.
    pub(super) fn note_error(&mut self, error: &BenchError) {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            let cause = source.to_string();
            if !text.ends_with(&cause) {
                text = format!("{text}: {cause}");
            }
            next = source.source();
        }
        self.notes.push(text);
    }
}

/// Measures the chosen rows. Everything that is made for it goes away with it, whatever ends it:
/// namespaces live in descriptors and workers, pins in a file system that is mounted nowhere.
///
/// # Errors
/// When the environment lacks something, or the run is cancelled.
pub fn run(
    options: &Options,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, BenchError> {
    let needs_root = |row: &RowSpec| row.group != Group::Policy;
    if options.rows.iter().any(needs_root) && !geteuid().is_root() {
        return Err(BenchError::NotRoot);
    }
    let findings = Findings { rows: HashMap::new(), notes: Vec::new(), progress, cancel };
    measure(options, findings)
}

fn measure(options: &Options, mut findings: Findings<'_>) -> Result<Report, BenchError> {
    let before = Before::now();
    let of_groups = |groups: &[Group]| -> Vec<RowSpec> {
        options.rows.iter().filter(|row| groups.contains(&row.group)).cloned().collect()
    };
    let traffic = of_groups(&[Group::Noise, Group::Veth, Group::Bridge]);
    let programs = of_groups(&[Group::Program]);
    if !traffic.is_empty() || !programs.is_empty() {
        let rows = [traffic.as_slice(), programs.as_slice()].concat();
        let mut ground = traffic::prepare(&rows, &options.program, &mut findings)?;
        findings.progress.plan(traffic::samples(&ground, &rows, options.rounds));
        // The programs first, while the tables are as they were filled.
        if let Some(node) = ground.skep.as_ref().and_then(|skep| skep.node()) {
            measure_programs(node, &programs, options.rounds, &mut findings)?;
        }
        let schedule = Schedule { rounds: options.rounds, redos: options.rounds };
        traffic::measure_all(&mut ground, &rows, schedule, &mut findings)?;
        if let Some(node) = ground.skep.as_ref().and_then(|skep| skep.node()) {
            findings.note(format!("skep reported {} events, which were read", node.events()));
        }
    }
    policy::measure_all(&options.rows, &options.program, &mut findings)?;
    service::measure_all(&options.rows, &options.program, &mut findings)?;
    flows::measure_all(&options.rows, &mut findings)?;
    observe::measure_all(options, &mut findings)?;
    cluster::measure_all(&options.rows, &options.program, &mut findings)?;
    let rows = options
        .rows
        .iter()
        .map(|spec| findings.rows.remove(&spec.name).unwrap_or_else(|| Row::unmeasured(spec)));
    Ok(Report { rows: rows.collect(), notes: findings.notes, machine: before.describe() })
}

fn measure_programs(
    node: &Node,
    rows: &[RowSpec],
    rounds: usize,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    let verified: HashMap<String, f64> = programs::verified(node).into_iter().collect();
    for spec in rows {
        if let Some(instructions) = verified.get(&spec.name) {
            findings.add(Row::absolute(spec, &[*instructions]));
        }
    }
    for ip in Ip::ALL {
        let name = programs::run_name(ip);
        let Some(spec) = rows.iter().find(|spec| spec.name == name) else { continue };
        findings.step(&name)?;
        match programs::run_from_pod(node, ip, rounds) {
            Ok(nanos) => findings.add(Row::absolute(spec, &nanos)),
            Err(error) => findings.note_error(&error),
        }
    }
    for ip in Ip::ALL {
        let name = programs::enforced_name(ip);
        let Some(spec) = rows.iter().find(|spec| spec.name == name) else { continue };
        findings.step(&name)?;
        let schedule = Schedule { rounds, redos: rounds };
        match programs::run_with_policy(node, ip, schedule) {
            Ok(series) => findings.add(Row::compared(spec, &series, (1, 0), 0)),
            Err(error) => findings.note_error(&error),
        }
    }
    Ok(())
}
