//! `skep bpf lb list`.

use crate::{
    api::{BpfAffinity, BpfBackend, BpfFrontend, BpfMaglev, BpfRevNat},
    cli::{error::Error, exit::Answer, list::ListArgs, output::Output},
};

/// List the maps of services
///
/// Lists what the datapath of a node knows of services: the addresses and ports that clients connect to,
/// with the numbers of the backends that take new connections; or the backends; or the clients that stay
/// with a backend; or the Maglev tables, by which all nodes choose the same backend for a connection from
/// outside, with what part of each table a backend has; or the addresses and ports that answers of backends
/// get as their source, with how many connections are translated so. A frontend `*:PORT` is a node port at every node, for clients in the cluster: it is
/// kept once, under the unspecified address 0.0.0.0 or ::. A client `netns:COOKIE` is a network
/// namespace, such as a pod's, by the kernel's cookie of it.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf lb list\n  skep bpf lb list --backends -o json\n  skep bpf lb list --affinity --node worker-1\n  skep bpf lb list --maglev -o wide\n  skep bpf lb list --revnat"
)]
pub(crate) struct Args {
    /// List what clients connect to; the default
    #[arg(long, conflicts_with_all = ["backends", "affinity", "maglev", "revnat"])]
    frontends: bool,
    /// List who takes connections
    #[arg(long, conflicts_with_all = ["affinity", "maglev", "revnat"])]
    backends: bool,
    /// List the clients that stay with a backend
    #[arg(long, conflicts_with_all = ["maglev", "revnat"])]
    affinity: bool,
    /// List the Maglev tables
    #[arg(long, conflicts_with = "revnat")]
    maglev: bool,
    /// List the frontends that answers come from, with how many connections
    #[arg(long)]
    revnat: bool,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        if self.backends {
            self.list.run::<BpfBackend>(out, |_| true)
        } else if self.affinity {
            self.list.run::<BpfAffinity>(out, |_| true)
        } else if self.maglev {
            self.list.run::<BpfMaglev>(out, |_| true)
        } else if self.revnat {
            self.list.run::<BpfRevNat>(out, |_| true)
        } else {
            self.list.run::<BpfFrontend>(out, |_| true)
        }
    }
}
