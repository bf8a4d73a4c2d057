//! Lists that only this command prints.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{
        observe::{Item, PartyView, drops, port, seen},
        output::Cell,
    },
    flows::edges::Edges,
};

/// What one cause dropped between two parties.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DropCounts {
    reason: String,
    source: PartyView,
    destination: PartyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    protocol: String,
    dropped: u64,
    last_seen: Timestamp,
    policy: String,
}

/// What one policy decided.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicyCounts {
    policy: String,
    allowed: u64,
    denied: u64,
    edges: usize,
}

impl DropCounts {
    pub(super) fn all(edges: &Edges) -> Vec<Self> {
        let mut all = Vec::new();
        for (edge, counts) in edges.iter() {
            all.extend(counts.drops.iter().map(|(cause, drops)| Self {
                reason: cause.reason.clone(),
                source: PartyView::of(&edge.source),
                destination: PartyView::of(&edge.destination),
                port: edge.port,
                protocol: edge.protocol.clone(),
                dropped: drops.packets(),
                last_seen: drops.last,
                policy: cause.policy.clone(),
            }));
        }
        all.sort_by_key(|drops| std::cmp::Reverse(drops.dropped));
        all
    }
}

impl PolicyCounts {
    pub(super) fn all(edges: &Edges) -> Vec<Self> {
        let policies = edges.policies().into_iter();
        policies
            .map(|(policy, used)| Self {
                policy,
                allowed: used.allowed,
                denied: used.denied,
                edges: used.edges,
            })
            .collect()
    }
}

impl Item for DropCounts {
    const KIND: &'static str = "FlowDropList";
    const HEADINGS: &'static [&'static str] =
        &["REASON", "SOURCE", "DESTINATION", "PORT", "DROPPED", "LAST SEEN", "POLICY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            (&self.reason).into(),
            (&self.source).into(),
            (&self.destination).into(),
            port(self.port, &self.protocol).into(),
            drops(self.dropped),
            seen(self.last_seen),
            (&self.policy).into(),
        ]
    }
}

impl Item for PolicyCounts {
    const KIND: &'static str = "FlowPolicyList";
    const HEADINGS: &'static [&'static str] = &["POLICY", "ALLOWED", "DENIED", "EDGES"];

    fn cells(&self) -> Vec<Cell> {
        vec![(&self.policy).into(), self.allowed.into(), drops(self.denied), self.edges.into()]
    }
}
