//! `skep bpf ipcache list`.

use crate::{
    api::IpcacheEntry,
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output},
    },
};

/// List the ipcache
///
/// Lists who owns which prefix and behind which node it is. Addresses that are not listed belong
/// to the world.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf ipcache list\n  skep bpf ipcache list --node worker-1 -o json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run::<IpcacheEntry>(out, |_| true)
    }
}

impl Columns for IpcacheEntry {
    const PLURAL: &'static str = "entries in the ipcache";
    const COMMAND: &'static [&'static str] = &["bpf", "ipcache", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["PREFIX", "KIND", "IDENTITY", "NODE ID"];
        if detail.is_wide() {
            headings.push("KEY");
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let mut cells = vec![
            Cell::from(self.prefix),
            self.kind.name().into(),
            self.identity.into(),
            self.node_id.into(),
        ];
        if detail.is_wide() {
            cells.push(self.key_index.into());
        }
        cells
    }

    fn name(&self) -> String {
        self.prefix.to_string()
    }
}
