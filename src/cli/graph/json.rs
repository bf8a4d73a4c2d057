//! The map for scripts.

use serde::Serialize;

use crate::{
    api::API_VERSION,
    cli::observe::{EdgeCounts, PartyView},
    flows::edges::Edges,
};

use super::map::Map;

/// A map, in the order of namespaces and names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Graph {
    api_version: &'static str,
    kind: &'static str,
    nodes: Vec<PartyView>,
    edges: Vec<EdgeCounts>,
}

/// Writes a map.
pub(super) fn json(map: &Map<'_>, edges: &Edges) -> Result<String, serde_json::Error> {
    let graph = Graph {
        api_version: API_VERSION,
        kind: "FlowGraph",
        nodes: map.parties.iter().map(|party| PartyView::of(party)).collect(),
        edges: edges.iter().map(|(edge, counts)| EdgeCounts::of(edge, counts)).collect(),
    };
    Ok(serde_json::to_string_pretty(&graph)? + "\n")
}
