//! `skep bpf ct list`.

use std::time::Duration;

use jiff::Timestamp;

use super::FilterArgs;
use crate::{
    api::{Connection, End, Leg},
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, age, bytes},
    },
};

/// List tracked connections
///
/// Lists the connections that the datapath of a node tracks, seen from the opener: its end first. SERVICE is
/// the frontend that the opener speaks with, if its packets are translated; a connection of TCP that was
/// made to a backend when it was opened is one like any other. For ICMP echo, the ports hold the identifier.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf ct list\n  skep bpf ct list --service shop/web\n  skep bpf ct list --port 53/udp --node worker-1 -o json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let filter = self.filter.filter();
        self.list.run::<Connection>(out, |connection| filter.matches(connection))
    }
}

impl Columns for Connection {
    const PLURAL: &'static str = "tracked connections";
    const COMMAND: &'static [&'static str] = &["bpf", "ct", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec![
            "PROTOCOL",
            "SOURCE",
            "DESTINATION",
            "TRANSLATED",
            "SERVICE",
            "SENT",
            "RECEIVED",
            "AGE",
            "IDLE",
        ];
        if detail.is_wide() {
            headings.extend(["SERVICE NAME", "BACKEND", "ZONE", "EGRESS", "INGRESS"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let now = Timestamp::now();
        let mut cells = vec![
            Cell::from(&self.protocol),
            end(self.source).into(),
            end(self.destination).into(),
            Cell::optional(self.source_xlated.map(end)),
            Cell::optional(self.service.map(end)),
            bytes(self.sent.bytes).into(),
            bytes(self.received.bytes).into(),
            since(now, self.created).into(),
            since(now, self.last_seen).into(),
        ];
        if detail.is_wide() {
            cells.extend([
                Cell::optional(self.service_name.as_ref()),
                Cell::optional(self.backend.map(end)),
                self.zone.name().into(),
                Cell::optional(self.egress.map(leg)),
                Cell::optional(self.ingress.map(leg)),
            ]);
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}/{}", self.protocol, end(self.source), end(self.destination))
    }
}

pub(in crate::cli::bpf) fn end(end: End) -> String {
    if end.address.is_ipv6() {
        format!("[{}]:{}", end.address, end.port)
    } else {
        format!("{}:{}", end.address, end.port)
    }
}

/// Policy revision and peer identity that a leg was judged with.
fn leg(leg: Leg) -> String {
    format!("{}@{}", leg.peer, leg.revision)
}

/// A time that lies ahead, by a few clock ticks, counts as now.
pub(in crate::cli::bpf) fn since(now: Timestamp, then: Timestamp) -> String {
    age(Duration::try_from(now.duration_since(then)).unwrap_or_default())
}
