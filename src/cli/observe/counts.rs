//! Counts instead of flows.

use jiff::Timestamp;
use serde::Serialize;

use super::party::PartyView;
use crate::{
    api::API_VERSION,
    cli::output::{Cell, Detail, Render, Table, Tone},
    flows::edges::{Counts, Edge, Edges},
};

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GroupBy {
    /// Who speaks with whom, and at which port
    Edge,
    /// Who speaks
    Workload,
    /// Why packets are dropped, and which policy decided
    Reason,
}

/// A list as `-o json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    items: &'a [T],
}

/// One kind of item.
pub(crate) trait Item: Serialize {
    const KIND: &'static str;
    const HEADINGS: &'static [&'static str];

    fn cells(&self) -> Vec<Cell>;
}

/// Items, the largest first.
#[derive(Debug)]
pub(crate) struct CountList<T>(pub(crate) Vec<T>);

impl<T: Item> Render for CountList<T> {
    type Document<'a>
        = Document<'a, T>
    where
        T: 'a;

    fn document(&self) -> Document<'_, T> {
        Document { api_version: API_VERSION, kind: T::KIND, items: &self.0 }
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(T::HEADINGS.iter().copied());
        self.0.iter().for_each(|item| table.row(item.cells()));
        table
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn empty(&self) -> String {
        "No flows found.".to_owned()
    }
}

/// An edge and its counts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EdgeCounts {
    source: PartyView,
    destination: PartyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    protocol: String,
    flows: u64,
    forwarded: u64,
    dropped: u64,
    last_seen: Timestamp,
    policies: Vec<String>,
}

/// A party and what it does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadCounts {
    workload: PartyView,
    flows_as_client: u64,
    flows_as_server: u64,
    dropped: u64,
    peers: usize,
    last_seen: Timestamp,
}

/// A cause of drops and what it dropped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReasonCounts {
    reason: String,
    policy: String,
    dropped: u64,
    edges: usize,
    last_seen: Timestamp,
}

impl EdgeCounts {
    pub(crate) fn all(edges: &Edges) -> Vec<Self> {
        edges.by_flows().into_iter().map(|(edge, counts)| Self::of(edge, counts)).collect()
    }

    pub(crate) fn of(edge: &Edge, counts: &Counts) -> Self {
        let refused = counts.drops.keys().map(|cause| &cause.policy);
        let policies = counts.allowed_by.keys().chain(refused.filter(|policy| !policy.is_empty()));
        Self {
            source: PartyView::of(&edge.source),
            destination: PartyView::of(&edge.destination),
            port: edge.port,
            protocol: edge.protocol.clone(),
            flows: counts.flows,
            forwarded: counts.forwarded(),
            dropped: counts.dropped(),
            last_seen: counts.last,
            policies: policies.cloned().collect(),
        }
    }
}

impl WorkloadCounts {
    pub(crate) fn all(edges: &Edges) -> Vec<Self> {
        let one = |(party, load)| {
            let crate::flows::edges::Load { as_client, as_server, dropped, peers, last } = load;
            let workload = PartyView::of(&party);
            Self {
                workload,
                flows_as_client: as_client,
                flows_as_server: as_server,
                dropped,
                peers,
                last_seen: last,
            }
        };
        edges.workloads().into_iter().map(one).collect()
    }
}

impl ReasonCounts {
    pub(crate) fn all(edges: &Edges) -> Vec<Self> {
        let reasons = edges.reasons().into_iter();
        reasons
            .map(|(cause, counts)| Self {
                reason: cause.reason,
                policy: cause.policy,
                dropped: counts.drops.packets(),
                edges: counts.edges,
                last_seen: counts.drops.last,
            })
            .collect()
    }
}

impl Item for EdgeCounts {
    const KIND: &'static str = "FlowEdgeList";
    const HEADINGS: &'static [&'static str] =
        &["SOURCE", "DESTINATION", "PORT", "FLOWS", "FORWARDED", "DROPPED", "LAST SEEN", "POLICY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            (&self.source).into(),
            (&self.destination).into(),
            port(self.port, &self.protocol).into(),
            self.flows.into(),
            self.forwarded.into(),
            drops(self.dropped),
            seen(self.last_seen),
            self.policies.join("; ").into(),
        ]
    }
}

impl Item for WorkloadCounts {
    const KIND: &'static str = "FlowWorkloadList";
    const HEADINGS: &'static [&'static str] =
        &["WORKLOAD", "KIND", "AS CLIENT", "AS SERVER", "DROPPED", "PEERS", "LAST SEEN"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            (&self.workload).into(),
            (&self.workload.kind).into(),
            self.flows_as_client.into(),
            self.flows_as_server.into(),
            drops(self.dropped),
            self.peers.into(),
            seen(self.last_seen),
        ]
    }
}

impl Item for ReasonCounts {
    const KIND: &'static str = "FlowReasonList";
    const HEADINGS: &'static [&'static str] =
        &["REASON", "DROPPED", "EDGES", "LAST SEEN", "POLICY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            (&self.reason).into(),
            drops(self.dropped),
            self.edges.into(),
            seen(self.last_seen),
            (&self.policy).into(),
        ]
    }
}

/// Writes where a server listens, such as 8080/TCP.
pub(crate) fn port(port: Option<u16>, protocol: &str) -> String {
    match (port, protocol) {
        (Some(port), protocol) => format!("{port}/{protocol}"),
        (None, "") => String::new(),
        (None, protocol @ ("TCP" | "UDP" | "SCTP")) => format!("*/{protocol}"),
        (None, protocol) => protocol.to_owned(),
    }
}

/// Marks drops.
pub(crate) fn drops(count: u64) -> Cell {
    Cell::toned(count, if count == 0 { Tone::Plain } else { Tone::Bad })
}

/// Writes a time to the second.
pub(crate) fn seen(time: Timestamp) -> Cell {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").into()
}
