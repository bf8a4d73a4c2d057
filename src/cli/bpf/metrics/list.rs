//! `skep bpf metrics list`.

use crate::{
    api::Metric,
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, Tone, bytes},
    },
};

/// List the datapath's counters
///
/// Lists packets and bytes by reason and direction. What is neither forwarded nor a benign note is
/// a drop, under Hubble's name and number.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  skep bpf metrics list\n  skep bpf metrics list -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run::<Metric>(out, |_| true)
    }
}

impl Columns for Metric {
    const PLURAL: &'static str = "counters that have moved";
    const COMMAND: &'static [&'static str] = &["bpf", "metrics", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["REASON", "DIRECTION", "PACKETS", "BYTES"];
        if detail.is_wide() {
            headings.push("CODE");
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let tone = if self.drop { Tone::Bad } else { Tone::Plain };
        let mut cells = vec![
            Cell::toned(&self.reason, tone),
            self.direction.name().into(),
            self.packets.into(),
            if detail.is_wide() { self.bytes.into() } else { bytes(self.bytes).into() },
        ];
        if detail.is_wide() {
            cells.push(self.code.into());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", self.reason, self.direction.name())
    }
}
