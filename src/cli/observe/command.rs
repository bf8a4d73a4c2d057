//! Asks one agent, or all of a cluster.

use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    compact::Style,
    dict,
    expand::{Expanded, InvalidTerm},
    merge,
    terms::Terms,
};
use crate::{
    api::{Client, hubble},
    cli::{
        error::{Error, Kind},
        exit::Answer,
        output::{Output, escape},
        runtime,
        source::{Source, SourceArgs},
    },
    flows::{Matcher, Request, Window},
    hubble::{
        observer::GetFlowsResponse,
        relay::{NodeState, NodeStatusEvent},
    },
};

/// Flows that are shown when nothing else is asked for.
const DEFAULT_LAST: usize = 20;

/// Show flows
///
/// Shows what happened to packets: who sent them, for whom, where they were seen and whether they
/// were let through. An agent keeps the last few thousand, drops longer than the rest. Flows of
/// several nodes are shown in order of time; with --follow, --last counts for each node.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep observe --follow
  skep observe --last 100 --verdict DROPPED -o json
  skep observe -f --pod shop/frontend --not --to-port 53")]
pub(crate) struct Args {
    /// Go on with new flows
    #[arg(short, long)]
    follow: bool,
    /// Show the newest stored flows [default: 20]
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["first", "all"])]
    last: Option<usize>,
    /// Show the oldest stored flows
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["all", "follow"])]
    first: Option<usize>,
    /// Show all stored flows
    #[arg(long)]
    all: bool,
    /// Show flows since a time, or for a time such as 5m
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Show flows until a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    terms: Terms,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "compact")]
    output: Format,
    /// Show addresses instead of names
    #[arg(long)]
    numeric: bool,
    /// Show the node that saw the packet
    #[arg(long)]
    print_node_name: bool,
    /// Show times in UTC
    #[arg(long)]
    utc: bool,
    /// Ask this, as JSON; how agents are asked from outside
    #[arg(long, hide = true, value_name = "JSON", value_parser = request)]
    request: Option<Request>,
    /// Ask a Hubble server, such as a relay: HOST:PORT or unix:PATH
    #[arg(
        long,
        value_name = "ADDRESS",
        help_heading = "Whom to ask",
        conflicts_with_all = ["local", "node", "kubeconfig", "context"]
    )]
    server: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
}

/// How flows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line a flow
    Compact,
    /// One JSON object a line, as Hubble writes it
    #[value(alias = "jsonpb")]
    Json,
    /// One block a flow
    Dict,
}

/// The agent closed a stream that was to go on.
#[derive(Debug, thiserror::Error)]
#[error("the agent ended the stream")]
struct Ended;

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let printer = Printer { style: self.style(), format: self.output, out };
        let (source, server) = (self.source.clone(), self.server.clone());
        let request = self.into_request()?;
        runtime::query(async {
            if let Some(address) = server {
                observe_server(&address, &request, &printer).await?;
                return Ok(Answer::Yes);
            }
            match source.open().await? {
                Source::Node(socket) => observe_node(&socket, &request, &printer).await?,
                Source::Cluster { cluster, nodes } => {
                    merge::observe(&cluster, &nodes, &request, out, |m| printer.show(m)).await?;
                }
            }
            Ok(Answer::Yes)
        })
    }

    fn style(&self) -> Style {
        let zone = if self.utc { TimeZone::UTC } else { TimeZone::system() };
        Style { zone, numeric: self.numeric, node: self.print_node_name }
    }

    /// Checks everything before anyone is asked.
    fn into_request(self) -> Result<Request, InvalidTerm> {
        let window = self.window();
        let request = match self.request {
            Some(request) => request,
            None => {
                let Expanded { allow, deny } = Expanded::of(self.terms)?;
                let (since, until) = (self.since, self.until);
                Request { follow: self.follow, window, since, until, allow, deny }
            }
        };
        Matcher::compile(&request)?;
        Ok(request)
    }

    const fn window(&self) -> Option<Window> {
        match (self.last, self.first) {
            (Some(count), _) => Some(Window::Last(count)),
            (None, Some(count)) => Some(Window::First(count)),
            (None, None) if self.all || self.since.is_some() => None,
            (None, None) if self.follow => Some(Window::Last(0)),
            (None, None) => Some(Window::Last(DEFAULT_LAST)),
        }
    }
}

async fn observe_node(
    socket: &Path,
    request: &Request,
    printer: &Printer<'_>,
) -> Result<(), Error> {
    let mut flows = Client::connect(socket).await?.flows(request).await?;
    while let Some(message) = flows.next().await? {
        printer.show(&message)?;
    }
    if request.follow && request.until.is_none() {
        let hint = "it may have been restarted; run the command again";
        return Err(Error::new(Kind::Environment, Ended).hint(hint));
    }
    Ok(())
}

/// Ends when the server does: with an error if flows were to go on.
async fn observe_server(
    address: &str,
    request: &Request,
    printer: &Printer<'_>,
) -> Result<(), Error> {
    let mut flows = hubble::flows(address, request).await?;
    while let Some(message) = flows.next().await? {
        printer.show(&message)?;
    }
    if request.follow && request.until.is_none() {
        return Err(Error::new(Kind::Environment, Ended).hint("run the command again"));
    }
    Ok(())
}

struct Printer<'a> {
    style: Style,
    format: Format,
    out: &'a Output,
}

impl Printer<'_> {
    fn show(&self, message: &GetFlowsResponse) -> Result<(), Error> {
        if self.format == Format::Json {
            let line = serde_json::to_string(message).expect("flows have text keys only");
            return self.out.line(&line);
        }
        if let Some(lost) = message.lost() {
            let count = lost.num_events_lost;
            self.out.warn(&format!("{count} events were lost on {}", message.node_name));
        }
        if let Some(status) = message.node_status() {
            self.tell(status);
        }
        match (message.flow(), self.format) {
            (None, _) => Ok(()),
            (Some(flow), Format::Dict) => self.out.line(&dict::block(flow, &self.style.zone)),
            (Some(flow), _) => self.out.line(&self.style.line(flow, self.out)),
        }
    }
}

impl Printer<'_> {
    /// What is well needs no words.
    fn tell(&self, status: &NodeStatusEvent) {
        let nodes = status.node_names.join(", ");
        let what = match status.state_change() {
            NodeState::NodeUnavailable => "no flows from",
            NodeState::NodeGone => "no more flows from",
            NodeState::NodeError => "an error on",
            NodeState::NodeConnected | NodeState::UnknownNodeState => return,
        };
        let colon = if status.message.is_empty() { "" } else { ": " };
        self.out.warn(&escape(&format!("{what} {nodes}{colon}{}", status.message)));
    }
}

/// A time that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not a time such as 2026-11-24T12:00:00Z, nor a duration such as 5m")]
struct InvalidMoment;

/// Reads RFC 3339, or a duration before now.
fn moment(text: &str) -> Result<Timestamp, InvalidMoment> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago: SignedDuration = text.parse().map_err(|_| InvalidMoment)?;
    Timestamp::now().checked_sub(ago).map_err(|_| InvalidMoment)
}

fn request(text: &str) -> Result<Request, serde_json::Error> {
    serde_json::from_str(text)
}
