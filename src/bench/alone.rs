//! Groups whose rows are all measured at once, by a process of their own.

use super::{
    catalogue::{Group, RowSpec},
    error::BenchError,
    report::Row,
    run::Findings,
};

/// Measures the chosen rows of a group: `run` measures everything, `row` takes a row out of that.
///
/// # Errors
/// When the run is cancelled. A failure costs the rows, with a note.
pub(super) fn measure<T>(
    rows: &[RowSpec],
    group: Group,
    what: &str,
    findings: &mut Findings<'_>,
    run: impl FnOnce(&Findings<'_>) -> Result<T, BenchError>,
    row: impl Fn(&T, &RowSpec) -> Row,
) -> Result<(), BenchError> {
    let chosen: Vec<&RowSpec> = rows.iter().filter(|row| row.group == group).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    findings.step(what)?;
    match run(findings) {
        Err(BenchError::Cancelled) => return Err(BenchError::Cancelled),
        Err(error) => findings.note_error(&error),
        Ok(times) => chosen.into_iter().for_each(|spec| findings.add(row(&times, spec))),
    }
    Ok(())
}
