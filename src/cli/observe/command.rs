//! Asks one agent, or all of a cluster.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{
    compact::Style,
    counts::GroupBy,
    expand::{Expanded, InvalidTerm},
    filters::Filters,
    follow::Question,
    moment::TimeFormat,
    print::{Asides, Format, Pace, Printer, warner},
    raw,
    report::{Shown, report},
    span::{Otherwise, SpanArgs, WindowArgs},
    whom::WhomArgs,
};
use crate::{
    api::hubble::Mask,
    cli::{
        duration::duration,
        error::{Error, Kind},
        exit::Answer,
        output::{self, Output},
    },
    flows::Request,
};

/// Show flows
///
/// Shows what happened to packets: who sent them, for whom, where they were seen and whether they
/// were let through. An agent keeps the last few thousand, drops longer than the rest. Flows of
/// several nodes are shown in order of time; with --follow, --last counts for each node.
///
/// With --follow, a stream that breaks off is taken up again when the agent or server is back: what it has
/// stored meanwhile is shown, and stderr says for which time flows may be missing. The exit code is 3 if it does
/// not come back in time.
///
/// A filter that is repeated means or, different filters mean and; --not hides what the next filter
/// would show, and hiding wins. Filters are named as those of `hubble observe`.
///
/// With --group-by it counts flows: all stored ones, unless a time or a number is given. A packet that a policy
/// refused is a verdict and a drop, so two flows, but counted once as dropped.
///
/// Saved flows need no agent and no root: --input-file reads what `skep observe -o json`,
/// `hubble observe -o json` or an exporter wrote, all of it unless a number is given. Lines that cannot be
/// read are warned about by number; the exit code is 4 only if no line can be read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep observe --follow
  skep observe --last 100 --verdict DROPPED -o json
  skep observe -f --pod shop/frontend --not --to-port 53
  skep observe --since 5m --group-by edge --top 10
  skep observe --all -o json > flows.json
  skep observe --input-file flows.json --to-namespace shop -o table")]
pub(crate) struct Args {
    /// Go on with new flows
    #[arg(
        short,
        long,
        help_heading = "Which flows",
        conflicts_with_all = ["first", "input_file"]
    )]
    follow: bool,
    /// With --follow, how long to ask again when a stream breaks off
    #[arg(
        long,
        value_name = "DURATION",
        help_heading = "Which flows",
        default_value = "5m",
        value_parser = duration
    )]
    retry_for: Duration,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    span: SpanArgs,
    #[command(flatten)]
    filters: Filters,
    /// Print the filters as JSON, and ask nobody
    #[arg(long, help_heading = "Filters as JSON")]
    print_raw_filters: bool,
    /// Count flows instead of showing them
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        help_heading = "Counts",
        conflicts_with = "follow"
    )]
    group_by: Option<GroupBy>,
    /// Show so many of the largest counts
    #[arg(long, value_name = "COUNT", help_heading = "Counts", requires = "group_by")]
    top: Option<usize>,
    #[command(flatten)]
    looks: Looks,
    /// Ask this, as JSON; how agents are asked from outside
    #[arg(long, hide = true, value_name = "JSON", value_parser = request)]
    request: Option<Request>,
    #[command(flatten)]
    whom: WhomArgs,
}

/// Flags about what is printed.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Looks {
    /// Output format [default: compact; table for counts]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// How times are shown: RFC3339Nano, StampMilli, '%H:%M:%S' ...
    #[arg(long, value_name = "FORMAT", value_parser = TimeFormat::parse)]
    time_format: Option<TimeFormat>,
    /// Show times in UTC
    #[arg(long)]
    utc: bool,
    /// Show addresses instead of names
    #[arg(long)]
    numeric: bool,
    /// Show names instead of addresses
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    ip_translation: bool,
    /// Show the node that saw the packet
    #[arg(long)]
    print_node_name: bool,
    /// Show the policies that decided
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    print_policy_names: bool,
    /// With -o json, show these fields of a flow only, such as source.pod_name,verdict
    #[arg(
        long,
        alias = "experimental-field-mask",
        value_name = "FIELD",
        value_delimiter = ',',
        conflicts_with = "group_by"
    )]
    field_mask: Vec<String>,
    /// Do not warn of losses and missing nodes
    #[arg(short, long)]
    silent_errors: bool,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let (whom, looks) = (self.whom.clone(), self.looks.clone());
        let mask = looks.mask()?;
        let Self { print_raw_filters, group_by, top, .. } = self;
        let question = self.into_question()?;
        if print_raw_filters {
            out.text(&raw::yaml(&question.request)?)?;
            return Ok(Answer::Yes);
        }
        let asides = if looks.silent_errors { Asides::Hidden } else { Asides::Shown };
        if let Some(group_by) = group_by {
            let format = looks.count_format()?;
            let shown = Shown { group_by, top, format, asides };
            return report(&whom, &question, shown, out).map(|()| Answer::Yes);
        }
        let pace = if question.request.follow { Pace::Live } else { whom.pace() };
        let format = looks.output.unwrap_or(Format::Compact);
        let mut printer = Printer::new(looks.style(), format, pace, out);
        printer.asides = asides;
        printer.mask = mask;
        let result = whom.ask(&question, &warner(out), |message| printer.show(message));
        printer.finish(result).map(|()| Answer::Yes)
    }

    /// Checks everything before anyone is asked.
    fn into_question(self) -> Result<Question, InvalidTerm> {
        let window = self.window.window(self.otherwise());
        let question = match self.request {
            // Whoever asked from outside asks again.
            Some(request) => Question::once(request),
            None => {
                let Expanded { allow, deny } = self.filters.expand()?;
                let SpanArgs { since, until } = self.span;
                let request = Request { follow: self.follow, window, since, until, allow, deny };
                Question { request, retry_for: self.retry_for }
            }
        };
        if !self.print_raw_filters {
            self.whom.check(&question.request)?;
        }
        Ok(question)
    }

    /// A time that is asked for is shown whole.
    const fn otherwise(&self) -> Otherwise {
        match (self.span.since, self.span.until) {
            (None, None) if self.whom.is_file() || self.group_by.is_some() => Otherwise::All,
            (None, _) if self.follow => Otherwise::New,
            (None, None) => Otherwise::Few,
            _ => Otherwise::All,
        }
    }
}

/// Counts are not flows.
#[derive(Debug, thiserror::Error)]
#[error("counts are shown as a table or as json")]
struct NotForCounts;

/// Lines for people have their places.
#[derive(Debug, thiserror::Error)]
#[error("--field-mask is for -o json")]
struct NotForPeople;

impl Looks {
    /// Returns what is shown of a flow, unless all is.
    fn mask(&self) -> Result<Option<Mask>, Error> {
        let is_json = self.output.is_some_and(Format::is_json);
        match self.field_mask.as_slice() {
            [] => Ok(None),
            _ if !is_json => Err(Error::new(Kind::Usage, NotForPeople)),
            paths => Mask::compile(paths).map(Some).map_err(|e| Error::new(Kind::Usage, e)),
        }
    }

    fn count_format(&self) -> Result<output::Format, Error> {
        match self.output {
            None | Some(Format::Table) => Ok(output::Format::Table),
            Some(Format::Json | Format::Jsonpb) => Ok(output::Format::Json),
            Some(Format::Compact | Format::Dict) => Err(Error::new(Kind::Usage, NotForCounts)),
        }
    }

    fn style(&self) -> Style {
        Style {
            zone: if self.utc { TimeZone::UTC } else { TimeZone::system() },
            numeric: self.numeric || !self.ip_translation,
            node: self.print_node_name,
            policies: self.print_policy_names,
            time: self.time_format.clone(),
        }
    }
}

fn request(text: &str) -> Result<Request, serde_json::Error> {
    serde_json::from_str(text)
}
