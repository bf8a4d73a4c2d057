//! `skep bpf endpoint list`.

use crate::{
    api::BpfEndpoint,
    cli::{
        error::Error,
        exit::Answer,
        list::{self, ListArgs},
        output::{Cell, Columns, Detail, Output},
    },
};

/// List the endpoint map
///
/// Lists the addresses to which the datapath of a node delivers, with the pod's device and
/// identity.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf endpoint list\n  skep bpf endpoint list --node worker-1 -o wide"
)]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run::<BpfEndpoint>(out, |_| true)
    }
}

impl Columns for BpfEndpoint {
    const PLURAL: &'static str = "entries in the endpoint map";
    const COMMAND: &'static [&'static str] = &["bpf", "endpoint", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["ADDRESS", "ENDPOINT", "IFINDEX", "IDENTITY", "READY"];
        if detail.is_wide() {
            headings.extend(["INCARNATION", "MAC", "HOST MAC"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let mut cells = vec![
            Cell::from(self.address),
            self.endpoint_id.into(),
            self.ifindex.into(),
            self.identity.into(),
            list::yes_no(self.ready),
        ];
        if detail.is_wide() {
            cells.extend([Cell::from(self.incarnation), self.mac.into(), self.host_mac.into()]);
        }
        cells
    }

    fn name(&self) -> String {
        self.address.to_string()
    }
}
