//! How answers are shown.

use super::{compact::Style, dict, moment::TimeFormat, table::Rows};
use crate::{
    api::hubble::Mask,
    cli::{
        error::{Error, Kind},
        output::{Output, escape},
    },
    hubble::{
        flow::{CiliumEventType, Flow, Verdict},
        observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
        relay::{NodeState, NodeStatusEvent},
    },
};

/// How flows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One line a flow
    Compact,
    /// One block a flow
    Dict,
    /// Columns
    #[value(alias = "tab")]
    Table,
    /// One JSON object a line, as Hubble writes it
    Json,
    /// The same
    Jsonpb,
}

impl Format {
    pub(super) const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonpb)
    }
}

/// When lines go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// One by one: someone waits for them.
    Live,
    /// When there are enough of them.
    Bulk,
}

/// What is said on stderr meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asides {
    /// Losses and nodes that are gone.
    Shown,
    /// Nothing.
    Hidden,
}

/// Shows flows and counts them.
pub(super) struct Printer<'a> {
    pub(super) style: Style,
    pub(super) format: Format,
    pub(super) pace: Pace,
    pub(super) asides: Asides,
    /// What is shown of a flow as JSON, unless all is.
    pub(super) mask: Option<Mask>,
    pub(super) out: &'a Output,
    rows: Rows,
    tally: Tally,
}

impl<'a> Printer<'a> {
    pub(super) fn new(style: Style, format: Format, pace: Pace, out: &'a Output) -> Self {
        let (rows, tally) = (Rows::default(), Tally::default());
        Self { style, format, pace, asides: Asides::Shown, mask: None, out, rows, tally }
    }

    /// Shows a message.
    pub(super) fn show(&mut self, message: &GetFlowsResponse) -> Result<(), Error> {
        self.tally.add(message);
        if self.format.is_json() {
            return self.line(&self.json(message));
        }
        if self.asides == Asides::Shown {
            aside(message, self.out);
        }
        let Some(flow) = message.flow() else { return Ok(()) };
        match self.format {
            Format::Dict => {
                let time = self.style.time.clone().unwrap_or_else(TimeFormat::long);
                self.line(&dict::block(flow, &time, &self.style.zone))
            }
            Format::Table => {
                let lines = self.rows.add(self.style.cells(flow), self.pace, self.out);
                lines.iter().try_for_each(|line| self.line(line))
            }
            _ => self.line(&self.style.line(flow, self.out)),
        }
    }

    fn json(&self, message: &GetFlowsResponse) -> String {
        let masked = self.mask.as_ref().zip(message.flow()).map(|(mask, flow)| {
            let flow = ResponseTypes::Flow(mask.prune(flow));
            GetFlowsResponse { response_types: Some(flow), ..message.clone() }
        });
        serde_json::to_string(masked.as_ref().unwrap_or(message)).expect("keys are text only")
    }

    fn line(&self, line: &str) -> Result<(), Error> {
        match self.pace {
            Pace::Live => self.out.line(line),
            Pace::Bulk => self.out.text(&format!("{line}\n")),
        }
    }

    /// Shows what is left, and says how much it was, unless nobody was there to ask.
    pub(super) fn finish(mut self, result: Result<(), Error>) -> Result<(), Error> {
        let kind = result.as_ref().err().map(Error::kind);
        if kind == Some(Kind::Closed) {
            return result;
        }
        let left = self.rows.drain(self.out);
        left.iter().try_for_each(|line| self.line(line))?;
        let is_end = matches!(kind, None | Some(Kind::Interrupted | Kind::Terminated));
        if is_end || self.tally.flows > 0 {
            self.out.note(&self.tally.to_string());
        }
        result
    }
}

/// Returns what says on stderr what is wrong.
pub(super) fn warner(out: &Output) -> impl Fn(&str) {
    |text| out.warn(&escape(text))
}

/// Says what is not a flow on stderr.
pub(super) fn aside(message: &GetFlowsResponse, out: &Output) {
    if let Some(lost) = message.lost() {
        let count = lost.num_events_lost;
        let node = escape(&message.node_name);
        out.warn(&format!("{count} events were lost on {node}"));
    }
    if let Some(status) = message.node_status() {
        tell(status, out);
    }
}

/// What is well needs no words.
fn tell(status: &NodeStatusEvent, out: &Output) {
    let nodes = status.node_names.join(", ");
    let what = match status.state_change() {
        NodeState::NodeUnavailable => "no flows from",
        NodeState::NodeGone => "no more flows from",
        NodeState::NodeError => "an error on",
        NodeState::NodeConnected | NodeState::UnknownNodeState => return,
    };
    let colon = if status.message.is_empty() { "" } else { ": " };
    out.warn(&escape(&format!("{what} {nodes}{colon}{}", status.message)));
}

/// How much was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) flows: u64,
    dropped: u64,
    denied: u64,
    lost: u64,
}

impl Tally {
    pub(super) fn add(&mut self, message: &GetFlowsResponse) {
        if let Some(flow) = message.flow() {
            self.flows += 1;
            self.count(flow);
        }
        self.lost += message.lost().map_or(0, |lost| lost.num_events_lost);
    }

    fn count(&mut self, flow: &Flow) {
        if flow.verdict() == Verdict::Dropped {
            match flow.kind().r#type {
                CiliumEventType::POLICY_VERDICT => self.denied += 1,
                _ => self.dropped += 1,
            }
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A packet that a policy refuses is a verdict and a drop: two flows, one packet.
        let dropped = self.dropped.max(self.denied);
        let s = if self.flows == 1 { "" } else { "s" };
        write!(f, "{} flow{s}, {dropped} dropped, {} lost", self.flows, self.lost)
    }
}
