//! All edges, counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, Edge, Party};
use crate::hubble::flow::{Flow, FlowType};

/// Edges that are kept; a scan of addresses must not fill the memory.
const MAX_EDGES: usize = 50_000;

/// Ports of one server that one client's flows are told apart by.
const MAX_PORTS: usize = 32;

/// Counts flows by edge.
#[derive(Clone, Debug)]
pub struct Edges {
    edges: BTreeMap<Edge, Counts>,
    ports: BTreeMap<(Party, Party, String), BTreeSet<u16>>,
    limit: usize,
    left_out: u64,
}

impl Default for Edges {
    fn default() -> Self {
        Self::with_limit(MAX_EDGES)
    }
}

impl Edges {
    /// Keeps at most so many edges.
    pub const fn with_limit(limit: usize) -> Self {
        Self { edges: BTreeMap::new(), ports: BTreeMap::new(), limit, left_out: 0 }
    }

    /// Counts a flow. That a socket is about to be connected is none yet.
    pub fn add(&mut self, flow: &Flow) {
        if flow.r#type() == FlowType::Sock {
            return;
        }
        let edge = self.without_sweeps(Edge::of(flow));
        if let Some(counts) = self.edges.get_mut(&edge) {
            counts.add(flow);
        } else if self.edges.len() < self.limit {
            self.edges.entry(edge).or_default().add(flow);
        } else {
            self.left_out += 1;
        }
    }

    /// A client that tries many ports of a server is one edge from then on.
    fn without_sweeps(&mut self, edge: Edge) -> Edge {
        let Some(port) = edge.port else { return edge };
        let key = (edge.source.clone(), edge.destination.clone(), edge.protocol.clone());
        let room = self.ports.len() < self.limit || self.ports.contains_key(&key);
        if room {
            let ports = self.ports.entry(key).or_default();
            if ports.len() < MAX_PORTS || ports.contains(&port) {
                ports.insert(port);
                return edge;
            }
        }
        Edge { port: None, ..edge }
    }

    /// Returns the edges in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Edge, &Counts)> {
        self.edges.iter()
    }

    /// Returns the edges with most flows first; equal ones in order.
    pub fn by_flows(&self) -> Vec<(&Edge, &Counts)> {
        let mut edges: Vec<_> = self.edges.iter().collect();
        edges.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.flows));
        edges
    }

    /// Returns how many flows belong to edges that there was no room for.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}
