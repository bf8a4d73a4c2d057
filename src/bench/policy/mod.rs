//! Rows about the policy engine: what it costs to compile, to keep up, and to look at.

mod enforced;
mod measure;
mod policies;
mod process;
mod workload;

use std::path::Path;

pub(super) use process::resident;

pub use enforced::{Enforcement, edit_under_probes};
pub use measure::{PolicyBenchError, PolicyTimes, measure_policy};

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

const COMPILE: &str = "policy-compile";
const MEMORY: &str = "policy-memory";
const ENTRIES: &str = "policy-entries";
const IDENTITY: &str = "policy-identity";
const EDIT: &str = "policy-edit";
const ENFORCED: &str = "policy-edit-packets";
const WRONG: &str = "policy-edit-wrong";
const RATE: &str = "policy-edit-rate";
const LINT: &str = "policy-lint";
const MATRIX: &str = "policy-matrix";

/// Returns the rows of this group.
pub(super) fn rows() -> Vec<RowSpec> {
    let row = |name: &str, unit, most, about: &str| {
        RowSpec::new(name, Group::Policy, unit, Goal::AtMost(most), about)
    };
    vec![
        row(COMPILE, "s", 1.0, "1,000 policies and 10,000 identities for 100 endpoints, one core"),
        row(
            MEMORY,
            "MiB",
            95.3,
            "memory at the height of this, with objects, identities and map entries",
        ),
        row(ENTRIES, "%", 10.0, "map entries, of the product of identities and ports"),
        row(IDENTITY, "ms", 1.0, "one new identity for all these endpoints, p50"),
        row(EDIT, "ms", 5.0, "one of these policies edited, from event to last map entry, p99"),
        row(
            ENFORCED,
            "ms",
            5.0,
            "an edit with the node's 100 endpoints, from event to packets judged by it, p99",
        ),
        row(WRONG, "verdicts", 0.0, "verdicts meanwhile that are of neither version"),
        RowSpec::new(
            RATE,
            Group::Policy,
            "1/s",
            Goal::AtLeast(9_900.0),
            "rounds of probes meanwhile, each with six verdicts in both families",
        ),
        row(LINT, "s", 1.0, "lint of 5,000 policies, from the text"),
        row(MATRIX, "s", 1.0, "matrix of 200 pods, 100 policies and 8 ports"),
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
        Group::Policy,
        "the policy engine",
        findings,
        |findings| run(program, findings),
        |times, spec| match spec.name.as_str() {
            COMPILE => Row::absolute(spec, &times.compile),
            MEMORY => Row::absolute(spec, &[times.memory]),
            ENTRIES => Row::absolute(spec, &[times.entries]),
            IDENTITY => Row::absolute(spec, &times.identity),
            EDIT => Row::absolute(spec, &[percentile_of(&times.edit, 0.99)]),
            ENFORCED => Row::absolute(spec, &[percentile_of(&times.enforcement.edit, 0.99)]),
            WRONG => Row::absolute(spec, &[times.enforcement.wrong as f64]),
            RATE => Row::absolute(spec, &[times.enforcement.rate]),
            LINT => Row::absolute(spec, &times.lint),
            _ => Row::absolute(spec, &times.matrix),
        },
    )
}

fn run(program: &Path, findings: &Findings<'_>) -> Result<PolicyTimes, BenchError> {
    let (_, answer) = cluster::run(program, &["bench", "policy"], "", || findings.check())?;
    serde_json::from_str(&answer).map_err(|error| BenchError::Command {
        command: "skep bench policy".into(),
        source: error.into(),
    })
}
