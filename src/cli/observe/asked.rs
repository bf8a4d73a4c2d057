//! Which flows, of whom: the flags that other commands about flows share with this one.

use super::{
    expand::Expanded,
    filters::Filters,
    follow::Question,
    print::{Tally, aside},
    span::{Otherwise, SpanArgs, WindowArgs},
    whom::WhomArgs,
};
use crate::{
    cli::{error::Error, output::Output},
    flows::{Request, edges::Edges},
};

/// Flags that say which flows are meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FlowArgs {
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    span: SpanArgs,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    whom: WhomArgs,
}

impl FlowArgs {
    /// Checks everything before anyone is asked; without a number or a time, all stored flows are meant.
    fn request(&self) -> Result<Request, Error> {
        let Expanded { allow, deny } = self.filters.clone().expand()?;
        let SpanArgs { since, until } = self.span;
        let window = self.window.window(Otherwise::All);
        let request = Request { follow: false, window, since, until, allow, deny };
        self.whom.check(&request)?;
        Ok(request)
    }
}

/// Counts the flows that are asked for, and says how many they were.
///
/// # Errors
/// When nobody can be asked; of several agents those that fail, after the flows of the others are counted.
pub(crate) fn count(args: &FlowArgs, edges: &mut Edges, out: &Output) -> Result<(), Error> {
    let question = Question::once(args.request()?);
    let mut tally = Tally::default();
    let result = args.whom.ask(&question, out, |message| {
        tally.add(message);
        aside(message, out);
        message.flow().into_iter().for_each(|flow| edges.add(flow));
        Ok(())
    });
    if result.is_ok() || tally.flows > 0 {
        out.note(&tally.to_string());
    }
    result
}
