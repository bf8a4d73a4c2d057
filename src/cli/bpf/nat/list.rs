//! `skep bpf nat list`.

use jiff::Timestamp;

use crate::{
    api::Translation,
    cli::{
        bpf::ct::{end, since},
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output},
    },
};

/// List translated connections
///
/// Lists the connections of a node whose source is translated: who opened them, what the other end sees
/// instead (TRANSLATED), whom the opener speaks with, and the backend if that is a service. Most are of pods
/// that speak with the world, and of clients outside that came to a service by this node. For ICMP echo, the
/// ports hold the identifier.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf nat list\n  skep bpf nat list --node worker-1 -o json | jq '.items[].translated'"
)]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run::<Translation>(out, |_| true)
    }
}

impl Columns for Translation {
    const PLURAL: &'static str = "translated connections";
    const COMMAND: &'static [&'static str] = &["bpf", "nat", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings =
            vec!["PROTOCOL", "SOURCE", "TRANSLATED", "DESTINATION", "SERVICE", "BACKEND"];
        headings.extend(["AGE", "IDLE"]);
        if detail.is_wide() {
            headings.push("ZONE");
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let now = Timestamp::now();
        let mut cells = vec![
            Cell::from(&self.protocol),
            end(self.source).into(),
            end(self.translated).into(),
            end(self.destination).into(),
            Cell::optional(self.service_name.as_ref()),
            Cell::optional(self.backend.map(end)),
            since(now, self.created).into(),
            since(now, self.last_seen).into(),
        ];
        if detail.is_wide() {
            cells.push(self.zone.name().into());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}/{}", self.protocol, end(self.source), end(self.translated))
    }
}
