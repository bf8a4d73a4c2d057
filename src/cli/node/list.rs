//! `skep node list`.

use ipnet::IpNet;

use crate::{
    api::{Located, Node},
    cli::{
        error::Error,
        exit::Answer,
        list::{self, ListArgs},
        output::{Cell, Columns, Detail, Output, Tone},
    },
};

/// List nodes
///
/// Lists the nodes of the cluster. On a node, its agent tells which it knows; from elsewhere, each
/// agent tells about its own node.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep node list\n  skep node list --node worker-1 -o wide"
)]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run_merged(out, |nodes: Vec<Located<Node>>| {
            // A node knows itself best; of nodes without an agent any tale will do.
            let (own, others): (Vec<_>, Vec<_>) =
                nodes.into_iter().partition(|node| node.item.local);
            let all = own.into_iter().chain(others).collect();
            let mut nodes = list::first_by(|node: &Node| node.name.clone())(all);
            nodes.sort_by(|a, b| a.item.name.cmp(&b.item.name));
            nodes
        })
    }
}

impl Columns for Node {
    const PLURAL: &'static str = "nodes";
    const COMMAND: &'static [&'static str] = &["node", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["NAME", "READY", "IPV4", "IPV6", "POD CIDRS"];
        if detail.is_wide() {
            headings.extend(["ID", "LOCAL"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let ready =
            if self.ready { Cell::toned("yes", Tone::Good) } else { Cell::toned("no", Tone::Bad) };
        let cidrs: Vec<String> = self.pod_cidrs.iter().map(IpNet::to_string).collect();
        let mut cells = vec![
            Cell::from(&self.name),
            ready,
            Cell::optional(self.addresses.v4),
            Cell::optional(self.addresses.v6),
            cidrs.join(",").into(),
        ];
        if detail.is_wide() {
            cells.extend([self.id.into(), list::yes_no(self.local)]);
        }
        cells
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
