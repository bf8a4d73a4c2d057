//! The rows of each tab.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::state::Tab;
use crate::{
    cli::observe::port,
    flows::edges::{Counts, Edge, Edges, Party},
};

/// A column of a tab.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Fewest characters; texts get what is left.
    pub(super) width: u16,
    pub(super) is_text: bool,
    /// Columns with larger numbers go first when there is no room.
    pub(super) rank: u8,
}

const fn text(title: &'static str, width: u16, rank: u8) -> Column {
    Column { title, width, is_text: true, rank }
}

const fn number(title: &'static str, width: u16, rank: u8) -> Column {
    Column { title, width, is_text: false, rank }
}

const EDGES: &[Column] = &[
    text("SOURCE", 18, 0),
    text("DESTINATION", 18, 0),
    number("PORT", 10, 0),
    number("FLOWS", 8, 0),
    number("DROPPED", 8, 1),
    number("LAST", 8, 2),
    text("POLICY", 20, 3),
];

const WORKLOADS: &[Column] = &[
    text("WORKLOAD", 24, 0),
    number("KIND", 12, 2),
    number("AS CLIENT", 10, 0),
    number("AS SERVER", 10, 0),
    number("DROPPED", 8, 0),
    number("PEERS", 6, 3),
    number("LAST", 8, 1),
];

const DROPS: &[Column] = &[
    text("REASON", 16, 0),
    text("SOURCE", 16, 0),
    text("DESTINATION", 16, 0),
    number("PORT", 10, 1),
    number("COUNT", 7, 0),
    number("LAST", 8, 3),
    text("POLICY", 20, 2),
];

const POLICIES: &[Column] = &[
    text("POLICY", 40, 0),
    number("ALLOWED", 9, 0),
    number("DENIED", 9, 0),
    number("EDGES", 7, 1),
];

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Count(u64),
    Time(Timestamp),
}

/// What Enter leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Edge(Edge),
    Party(Party),
    Policy(String),
}

/// A row; its target also tells it apart from others, together with its first cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    pub(super) target: Target,
    pub(super) has_drops: bool,
}

/// Which edges are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Only {
    Party(Party),
    Policy(String),
}

impl Only {
    fn matches(&self, edge: &Edge, counts: &Counts) -> bool {
        match self {
            Self::Party(party) => edge.source == *party || edge.destination == *party,
            Self::Policy(policy) => {
                counts.allowed_by.contains_key(policy)
                    || counts.drops.keys().any(|cause| cause.policy == *policy)
            }
        }
    }
}

/// Returns the columns of a tab.
pub(super) const fn columns(tab: Tab) -> &'static [Column] {
    match tab {
        Tab::Edges => EDGES,
        Tab::Workloads => WORKLOADS,
        Tab::Drops => DROPS,
        Tab::Policies => POLICIES,
    }
}

/// Returns the rows of a tab, sorted by a column: numbers and times downwards, texts upwards.
pub(super) fn rows(tab: Tab, edges: &Edges, only: Option<&Only>, column: usize) -> Vec<Row> {
    let mut rows = match tab {
        Tab::Edges => edge_rows(edges, only),
        Tab::Workloads => workload_rows(edges),
        Tab::Drops => drop_rows(edges),
        Tab::Policies => policy_rows(edges),
    };
    rows.sort_by(|a, b| match (a.cells.get(column), b.cells.get(column)) {
        (Some(Cell::Text(a)), Some(Cell::Text(b))) => a.cmp(b),
        (Some(Cell::Count(a)), Some(Cell::Count(b))) => b.cmp(a),
        (Some(Cell::Time(a)), Some(Cell::Time(b))) => b.cmp(a),
        _ => Ordering::Equal,
    });
    rows
}

fn edge_rows(edges: &Edges, only: Option<&Only>) -> Vec<Row> {
    let wanted = |(edge, counts): &(&Edge, &Counts)| only.is_none_or(|o| o.matches(edge, counts));
    let row = |(edge, counts): (&Edge, &Counts)| {
        let refusing = counts.drops.keys().map(|cause| cause.policy.as_str());
        let policies: Vec<&str> = refusing
            .filter(|policy| !policy.is_empty())
            .chain(counts.allowed_by.keys().map(String::as_str))
            .collect();
        Row {
            cells: vec![
                Cell::Text(edge.source.to_string()),
                Cell::Text(edge.destination.to_string()),
                Cell::Text(port(edge.port, &edge.protocol)),
                Cell::Count(counts.flows),
                Cell::Count(counts.dropped()),
                Cell::Time(counts.last),
                Cell::Text(policies.join("; ")),
            ],
            target: Target::Edge(edge.clone()),
            has_drops: counts.dropped() > 0,
        }
    };
    edges.iter().filter(wanted).map(row).collect()
}

fn workload_rows(edges: &Edges) -> Vec<Row> {
    let row = |(party, load): (Party, crate::flows::edges::Load)| Row {
        cells: vec![
            Cell::Text(party.to_string()),
            Cell::Text(party.kind().to_owned()),
            Cell::Count(load.as_client),
            Cell::Count(load.as_server),
            Cell::Count(load.dropped),
            Cell::Count(load.peers as u64),
            Cell::Time(load.last),
        ],
        has_drops: load.dropped > 0,
        target: Target::Party(party),
    };
    edges.workloads().into_iter().map(row).collect()
}

fn drop_rows(edges: &Edges) -> Vec<Row> {
    let of_edge = |(edge, counts): (&Edge, &Counts)| {
        let row =
            |(cause, drops): (&crate::flows::edges::Cause, &crate::flows::edges::Drops)| Row {
                cells: vec![
                    Cell::Text(cause.reason.clone()),
                    Cell::Text(edge.source.to_string()),
                    Cell::Text(edge.destination.to_string()),
                    Cell::Text(port(edge.port, &edge.protocol)),
                    Cell::Count(drops.packets()),
                    Cell::Time(drops.last),
                    Cell::Text(cause.policy.clone()),
                ],
                target: Target::Edge(edge.clone()),
                has_drops: true,
            };
        counts.drops.iter().map(row).collect::<Vec<_>>()
    };
    edges.iter().flat_map(of_edge).collect()
}

fn policy_rows(edges: &Edges) -> Vec<Row> {
    let row = |(name, used): (String, crate::flows::edges::PolicyUse)| Row {
        cells: vec![
            Cell::Text(name.clone()),
            Cell::Count(used.allowed),
            Cell::Count(used.denied),
            Cell::Count(used.edges as u64),
        ],
        target: Target::Policy(name),
        has_drops: used.denied > 0,
    };
    edges.policies().into_iter().map(row).collect()
}
