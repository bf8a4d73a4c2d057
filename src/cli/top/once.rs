//! Prints what would be shown, once.

use super::{
    lists::{DropCounts, PolicyCounts},
    state::Tab,
};
use crate::{
    cli::{
        error::Error,
        observe::{CountList, EdgeCounts, FlowArgs, WorkloadCounts, count},
        output::{Format, Output},
    },
    flows::edges::Edges,
};

/// Counts stored flows and prints one tab.
///
/// # Errors
/// When nobody can be asked; of several agents those that fail, after what the others say is shown.
pub(super) fn once(args: &FlowArgs, tab: Tab, format: Format, out: &Output) -> Result<(), Error> {
    let mut edges = Edges::default();
    let result = count(args, &mut edges, out);
    if result.is_err() && edges.iter().next().is_none() {
        return result;
    }
    match tab {
        Tab::Edges => out.show(&CountList(EdgeCounts::all(&edges)), format)?,
        Tab::Workloads => out.show(&CountList(WorkloadCounts::all(&edges)), format)?,
        Tab::Drops => out.show(&CountList(DropCounts::all(&edges)), format)?,
        Tab::Policies => out.show(&CountList(PolicyCounts::all(&edges)), format)?,
    }
    result
}
