//! Two pods of one node with skep.

use super::{Path, Topology, of_family};
use crate::{
    bench::{BenchError, NodeError, StandaloneNode, StandalonePod},
    kernel::AttachMode,
    maps::{ConntrackTable, MapStore},
    model::Family,
};

/// Room for what a sample of new connections leaves behind.
const CONNTRACK_ENTRIES: u32 = 128 * 1024;

/// Two pods with skep.
#[derive(Debug)]
pub(in crate::bench) struct Skep {
    node: StandaloneNode,
    client: StandalonePod,
    server: StandalonePod,
}

impl Skep {
    pub(in crate::bench) fn new(attach: AttachMode) -> Result<Self, BenchError> {
        let mut node = StandaloneNode::with_conntrack(attach, CONNTRACK_ENTRIES)?;
        let (client, server) = (node.add_pod()?, node.add_pod()?);
        Ok(Self { node, client, server })
    }

    pub(in crate::bench) fn parts(&self) -> (&StandaloneNode, &StandalonePod, &StandalonePod) {
        (&self.node, &self.client, &self.server)
    }
}

impl Topology for Skep {
    fn name(&self) -> &'static str {
        "skep"
    }

    fn path(&self, family: Family) -> Path<'_> {
        let target = of_family(&self.server.addresses, family);
        Path { client: &self.client.netns, server: &self.server.netns, target }
    }

    fn forget(&self) -> Result<(), BenchError> {
        let maps = self.node.datapath().maps();
        let entries = maps.entries::<ConntrackTable>().map_err(NodeError::from)?;
        let keys: Vec<_> = entries.into_iter().map(|(key, _)| key).collect();
        Ok(maps.delete_all::<ConntrackTable>(&keys).map_err(NodeError::from)?)
    }
}
