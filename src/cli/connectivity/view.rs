//! The report, for people and scripts.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::Serialize;

use crate::{
    api::API_VERSION,
    cli::output::{Cell, Detail, Render, Table, Tone},
    connectivity::{Outcome, Report, Row, Scenario},
};

/// What `skep connectivity test` found.
#[derive(Debug)]
pub(super) struct ReportView(pub(super) Report);

/// What `-o json` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    passed: bool,
    connections: Vec<Connection<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    scenario: &'static str,
    namespace: &'a str,
    pod: &'a str,
    node: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target_node: &'a str,
    address: SocketAddr,
    connected: bool,
    outcome: String,
}

impl Render for ReportView {
    type Document<'a> = Document<'a>;

    fn document(&self) -> Document<'_> {
        let connections = self.0.rows.iter().map(|Row { probe, outcome }| Connection {
            scenario: probe.scenario.name(),
            namespace: &probe.namespace,
            pod: &probe.pod,
            node: &probe.node,
            target: &probe.target.name,
            target_node: &probe.target.node,
            address: probe.target.address,
            connected: *outcome == Outcome::Connected,
            outcome: outcome.describe(),
        });
        Document {
            api_version: API_VERSION,
            kind: "ConnectivityReport",
            passed: self.0.failures().next().is_none(),
            connections: connections.collect(),
        }
    }

    fn table(&self, _: Detail) -> Table {
        let mut groups: BTreeMap<(Scenario, &str, &str), [usize; 2]> = BTreeMap::new();
        for row in &self.0.rows {
            let key = (row.probe.scenario, family(row), place(row));
            groups.entry(key).or_default()[usize::from(row.outcome == Outcome::Connected)] += 1;
        }
        let mut table = Table::new(["SCENARIO", "FAMILY", "WHERE", "CONNECTED", "FAILED"]);
        for ((scenario, family, place), [failed, connected]) in groups {
            let tone = if failed == 0 { Tone::Good } else { Tone::Bad };
            table.row([
                scenario.name().into(),
                family.into(),
                place.into(),
                connected.into(),
                Cell::toned(failed, tone),
            ]);
        }
        table
    }

    fn more(&self, detail: Detail) -> Vec<Table> {
        vec![self.connections(detail), self.summary()]
    }

    fn names(&self) -> Vec<String> {
        self.0.failures().map(|row| format!("{}/{}", row.probe.namespace, row.probe.pod)).collect()
    }

    fn empty(&self) -> String {
        "No connections to try.".to_owned()
    }
}

impl ReportView {
    /// Those that failed, or all.
    fn connections(&self, detail: Detail) -> Table {
        let mut table = Table::new(["FROM", "NODE", "TO", "ADDRESS", "OUTCOME"]);
        let shown = |row: &&Row| detail.is_wide() || row.outcome != Outcome::Connected;
        for Row { probe, outcome } in self.0.rows.iter().filter(shown) {
            let tone = if *outcome == Outcome::Connected { Tone::Good } else { Tone::Bad };
            table.row([
                format!("{}/{}", probe.namespace, probe.pod).into(),
                Cell::from(&probe.node),
                Cell::from(&probe.target.name),
                probe.target.address.into(),
                Cell::toned(outcome.describe(), tone),
            ]);
        }
        table
    }

    fn summary(&self) -> Table {
        let (all, failed) = (self.0.rows.len(), self.0.failures().count());
        let tone = if failed == 0 { Tone::Good } else { Tone::Bad };
        let mut table = Table::new([]);
        table.row([Cell::toned(format!("{} of {all} connections made", all - failed), tone)]);
        table
    }
}

const fn family(row: &Row) -> &'static str {
    if row.probe.target.address.is_ipv4() { "ipv4" } else { "ipv6" }
}

fn place(row: &Row) -> &'static str {
    match &row.probe.target.node {
        node if node.is_empty() => "outside",
        node if *node == row.probe.node => "same node",
        _ => "other node",
    }
}
