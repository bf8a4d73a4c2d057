//! `skep bpf node list`.

use crate::{
    api::BpfNode,
    cli::{
        error::Error,
        exit::Answer,
        list::{self, ListArgs},
        output::{Cell, Columns, Detail, Output},
    },
};

/// List the node map
///
/// Lists the nodes by the number under which the datapath of one node knows them. The numbers
/// differ from node to node and are never on the wire.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf node list\n  skep bpf node list --node worker-1"
)]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run::<BpfNode>(out, |_| true)
    }
}

impl Columns for BpfNode {
    const PLURAL: &'static str = "entries in the node map";
    const COMMAND: &'static [&'static str] = &["bpf", "node", "list"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["ID", "IPV4", "IPV6", "LOCAL", "READY"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        vec![
            self.id.into(),
            Cell::optional(self.addresses.v4),
            Cell::optional(self.addresses.v6),
            list::yes_no(self.local),
            list::yes_no(self.ready),
        ]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}
