//! Which flows, of whom: the flags that other commands about flows share with this one.

use std::time::Duration;

use super::{
    InvalidTerm,
    expand::Expanded,
    filters::Filters,
    follow::Question,
    print::{Tally, aside, warner},
    span::{Otherwise, SpanArgs, WindowArgs},
    whom::WhomArgs,
};
use crate::{
    cli::{error::Error, output::Output},
    flows::{Request, edges::Edges},
    hubble::observer::GetFlowsResponse,
};

/// How long someone who watches waits for an agent to come back.
const PATIENCE: Duration = Duration::from_secs(3600);

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
    fn request(&self) -> Result<Request, InvalidTerm> {
        let Expanded { allow, deny } = self.filters.clone().expand()?;
        let SpanArgs { since, until } = self.span;
        let window = self.window.window(Otherwise::All);
        let request = Request { follow: false, window, since, until, allow, deny };
        self.whom.check(&request)?;
        Ok(request)
    }

    /// Tells whether saved flows are meant, which never change.
    pub(crate) const fn is_saved(&self) -> bool {
        self.whom.is_file()
    }

    /// Returns the filter flags as they are typed.
    pub(crate) fn filter_words(&self) -> String {
        self.filters.words()
    }

    /// Returns the same with other filter flags; the error is for people.
    ///
    /// # Errors
    /// When the flags make no sense.
    pub(crate) fn with_filter(&self, words: &str) -> Result<Self, String> {
        let filters = Filters::parse(words)?;
        let next = Self { filters, ..self.clone() };
        next.request().map_err(|error| error.to_string())?;
        Ok(next)
    }

    /// Takes stored flows and then new ones, for ever; saved ones to their end.
    ///
    /// # Errors
    /// When nobody can be asked, or a stream that was to go on ends and cannot be taken up again.
    pub(crate) async fn follow(
        &self,
        tell: &dyn Fn(&str),
        mut take: impl FnMut(&GetFlowsResponse),
    ) -> Result<(), Error> {
        let request = Request { follow: !self.is_saved(), ..self.request()? };
        let question = Question { request, retry_for: PATIENCE };
        let take = |message: &GetFlowsResponse| {
            take(message);
            Ok(())
        };
        self.whom.stream(&question, tell, take).await
    }
}

/// Counts the flows that are asked for, and says how many they were.
///
/// # Errors
/// When nobody can be asked; of several agents those that fail, after the flows of the others are counted.
pub(crate) fn count(args: &FlowArgs, edges: &mut Edges, out: &Output) -> Result<(), Error> {
    let question = Question::once(args.request()?);
    let mut tally = Tally::default();
    let result = args.whom.ask(&question, &warner(out), |message| {
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
