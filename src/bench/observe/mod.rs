//! Rows about watching: what it costs pods, whether events are lost, and a relay over many nodes.

mod cost;
mod loss;
mod relay;

use super::{
    catalogue::RowSpec,
    error::BenchError,
    run::{Findings, Options},
};

/// Returns the rows of these groups.
pub(super) fn rows() -> Vec<RowSpec> {
    let mut rows = cost::rows();
    rows.push(loss::row());
    rows.extend(relay::rows());
    rows
}

/// Measures the chosen rows. What fails costs its rows, with a note.
///
/// # Errors
/// When the run is cancelled.
pub(super) fn measure_all(
    options: &Options,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    type Part = fn(&Options, &mut Findings<'_>) -> Result<(), BenchError>;
    let parts: [Part; 3] = [cost::measure_all, loss::measure, relay::measure];
    for part in parts {
        match part(options, findings) {
            Err(BenchError::Cancelled) => return Err(BenchError::Cancelled),
            Err(error) => findings.note_error(&error),
            Ok(()) => {}
        }
    }
    Ok(())
}
