//! `skep endpoint list`.

use crate::{
    api::{Endpoint, EndpointState},
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, Tone},
    },
};

/// List endpoints
///
/// Lists the pods' interfaces that an agent looks after: on a node its own, from elsewhere those
/// of every node.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep endpoint list -n shop\n  skep endpoint list -o json"
)]
pub(crate) struct Args {
    /// Show pods of this namespace only
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let namespace = self.namespace;
        self.list.run::<Endpoint>(out, |endpoint| {
            namespace.as_ref().is_none_or(|namespace| *namespace == endpoint.namespace)
        })
    }
}

impl Columns for Endpoint {
    const PLURAL: &'static str = "endpoints";
    const COMMAND: &'static [&'static str] = &["endpoint", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["ID", "NAMESPACE", "POD", "IPV4", "IPV6", "IDENTITY", "STATE"];
        if detail.is_wide() {
            headings.extend(["INTERFACE", "IFINDEX", "MAC", "INCARNATION", "LABELS"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let mut cells = vec![
            self.id.into(),
            (&self.namespace).into(),
            (&self.pod).into(),
            Cell::optional(self.addresses.v4),
            Cell::optional(self.addresses.v6),
            self.identity.into(),
            state(self.state),
        ];
        if detail.is_wide() {
            cells.extend([
                Cell::from(&self.interface),
                self.ifindex.into(),
                self.mac.into(),
                self.incarnation.into(),
                self.labels.join(",").into(),
            ]);
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.pod)
    }
}

fn state(state: EndpointState) -> Cell {
    match state {
        EndpointState::Ready => Cell::toned("ready", Tone::Good),
        EndpointState::WaitingForIdentity => Cell::toned("waiting-for-identity", Tone::Warn),
        EndpointState::Restoring => Cell::toned("restoring", Tone::Warn),
        EndpointState::Deleting => Cell::toned("deleting", Tone::Warn),
    }
}
