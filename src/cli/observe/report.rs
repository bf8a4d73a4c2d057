//! Asks, counts, and reports.

use super::{
    counts::{CountList, EdgeCounts, GroupBy, Item, ReasonCounts, WorkloadCounts},
    follow::Question,
    print::{Asides, Tally, aside, warner},
    whom::WhomArgs,
};
use crate::{
    cli::{
        error::Error,
        output::{Format, Output},
    },
    flows::edges::Edges,
};

/// How counts are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) group_by: GroupBy,
    /// So many of the largest.
    pub(super) top: Option<usize>,
    pub(super) format: Format,
    pub(super) asides: Asides,
}

/// Counts the flows that are asked for.
///
/// # Errors
/// When nobody can be asked; of several agents those that fail are told after the counts of the others.
pub(super) fn report(
    whom: &WhomArgs,
    question: &Question,
    shown: Shown,
    out: &Output,
) -> Result<(), Error> {
    let (mut edges, mut tally) = (Edges::default(), Tally::default());
    let result = whom.ask(question, &warner(out), |message| {
        tally.add(message);
        if shown.asides == Asides::Shown {
            aside(message, out);
        }
        message.flow().into_iter().for_each(|flow| edges.add(flow));
        Ok(())
    });
    if result.is_err() && tally.flows == 0 {
        return result;
    }
    match shown.group_by {
        GroupBy::Edge => list(EdgeCounts::all(&edges), shown, out)?,
        GroupBy::Workload => list(WorkloadCounts::all(&edges), shown, out)?,
        GroupBy::Reason => list(ReasonCounts::all(&edges), shown, out)?,
    }
    if edges.left_out() > 0 {
        let left_out = edges.left_out();
        out.warn(&format!("{left_out} flows are not counted: they have too many different ends"));
    }
    out.note(&tally.to_string());
    result
}

fn list<T: Item>(mut items: Vec<T>, shown: Shown, out: &Output) -> Result<(), Error> {
    let all = items.len();
    items.truncate(shown.top.unwrap_or(all));
    let more = all - items.len();
    out.show(&CountList(items), shown.format)?;
    if more > 0 {
        out.note(&format!("and {more} more"));
    }
    Ok(())
}
