//! How the agents are, for people and scripts.

use serde::Serialize;

use crate::{
    api::{API_VERSION, Health, Listed, Located, NodeStatus, Usage},
    cli::{
        output::{Cell, Columns, Detail, Render, Table, Tone, age},
        source::{Answers, Failure},
    },
};

/// The state of all agents that were asked.
#[derive(Debug)]
pub(super) struct StatusView {
    items: Vec<Located<NodeStatus>>,
    unreachable: Vec<Failure>,
}

/// What `-o json` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    healthy: bool,
    items: &'a [Located<NodeStatus>],
    unreachable: &'a [Failure],
}

impl StatusView {
    pub(super) fn new(answers: Answers<NodeStatus>) -> Self {
        Self { items: answers.items, unreachable: answers.failures }
    }

    /// Tells whether traffic can be relied on, everywhere.
    pub(super) fn is_well(&self) -> bool {
        self.unreachable.is_empty()
            && !self.items.is_empty()
            && self.items.iter().all(|node| node.item.health.is_usable())
    }

    /// Returns the first thing that is not well.
    pub(super) fn reason(&self) -> String {
        if let Some(Failure { node_name, reason }) = self.unreachable.first() {
            return format!("node {node_name}: {reason}");
        }
        let unwell = self.items.iter().find(|node| !node.item.health.is_usable());
        unwell.map_or_else(
            || "no agent answered".to_owned(),
            |node| format!("node {}: {}", node.node_name, symptom(&node.item)),
        )
    }
}

fn symptom(status: &NodeStatus) -> String {
    let worst = status.components.iter().max_by_key(|component| component.health);
    match worst {
        Some(worst) if !worst.health.is_usable() => {
            format!("{} is {}: {}", worst.name, worst.health.name(), worst.message)
        }
        _ => format!("the agent is {}", status.health.name()),
    }
}

impl Render for StatusView {
    type Document<'a> = Document<'a>;

    fn document(&self) -> Document<'_> {
        Document {
            api_version: API_VERSION,
            kind: NodeStatus::KIND,
            healthy: self.is_well(),
            items: &self.items,
            unreachable: &self.unreachable,
        }
    }

    fn table(&self, detail: Detail) -> Table {
        let headings = NodeStatus::headings(detail);
        let width = headings.len();
        let mut table = Table::new(std::iter::once("NODE").chain(headings));
        for Located { node_name, item } in &self.items {
            table.row(std::iter::once(node_name.into()).chain(item.cells(detail)));
        }
        for Failure { node_name, .. } in &self.unreachable {
            let blanks = std::iter::repeat_n(Cell::default(), width - 1);
            let state = Cell::toned("unreachable", Tone::Bad);
            table.row([node_name.into(), state].into_iter().chain(blanks));
        }
        table
    }

    fn more(&self, detail: Detail) -> Vec<Table> {
        vec![self.components(detail), self.attachments(detail), self.summary()]
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|node| node.node_name.clone()).collect()
    }

    fn empty(&self) -> String {
        "No agents found.".to_owned()
    }
}

impl StatusView {
    /// All components of one node; of many, those that are not well.
    fn components(&self, detail: Detail) -> Table {
        let all = detail.is_wide() || self.items.len() + self.unreachable.len() == 1;
        let mut table = Table::new(["NODE", "COMPONENT", "HEALTH", "MESSAGE"]);
        for Located { node_name, item } in &self.items {
            for component in item.components.iter().filter(|c| all || c.health != Health::Ok) {
                table.row([
                    node_name.into(),
                    Cell::from(&component.name),
                    health(component.health),
                    Cell::from(&component.message),
                ]);
            }
        }
        for Failure { node_name, reason } in &self.unreachable {
            let state = Cell::toned("unreachable", Tone::Bad);
            table.row([node_name.into(), "agent".into(), state, reason.into()]);
        }
        table
    }

    fn attachments(&self, detail: Detail) -> Table {
        let mut table = Table::new(["NODE", "INTERFACE", "DIRECTION", "PROGRAM", "METHOD"]);
        for Located { node_name, item } in self.items.iter().filter(|_| detail.is_wide()) {
            for attachment in &item.attachments {
                table.row([
                    node_name.into(),
                    Cell::from(&attachment.interface),
                    Cell::from(&attachment.direction),
                    Cell::from(&attachment.program),
                    Cell::from(&attachment.method),
                ]);
            }
        }
        table
    }

    fn summary(&self) -> Table {
        let nodes = self.items.len() + self.unreachable.len();
        let usable = self.items.iter().filter(|node| node.item.health.is_usable()).count();
        let ready: u64 = self.items.iter().map(|node| node.item.endpoints.used).sum();
        let total: u64 = self.items.iter().map(|node| node.item.endpoints.total).sum();
        let mut table = Table::new([]);
        if nodes > 0 {
            let tone = if self.is_well() { Tone::Good } else { Tone::Bad };
            let text = format!(
                "{usable} of {nodes} {} well, {ready} of {total} endpoints ready",
                if nodes == 1 { "node" } else { "nodes" }
            );
            table.row([Cell::toned(text, tone)]);
        }
        table
    }
}

impl Columns for NodeStatus {
    const PLURAL: &'static str = "agents";
    const COMMAND: &'static [&'static str] = &["status"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["HEALTH", "VERSION", "ROUTING", "ENDPOINTS", "IPV4", "IPV6", "CT"];
        if detail.is_wide() {
            headings.extend(["IDENTITIES", "NODES", "EVENTS", "LOST", "KERNEL", "UP"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let mut cells = vec![
            health(self.health),
            Cell::from(&self.version),
            Cell::from(&self.routing),
            usage(self.endpoints).into(),
            Cell::optional(self.ipv4_pool.map(usage)),
            Cell::optional(self.ipv6_pool.map(usage)),
            usage(self.conntrack).into(),
        ];
        if detail.is_wide() {
            let up = jiff::Timestamp::now().duration_since(self.started);
            let lost = if self.events_lost > 0 { Tone::Warn } else { Tone::Plain };
            cells.extend([
                self.identities.into(),
                self.nodes.into(),
                self.events_seen.into(),
                Cell::toned(self.events_lost, lost),
                Cell::from(&self.kernel),
                age(up.try_into().unwrap_or_default()).into(),
            ]);
        }
        cells
    }

    fn name(&self) -> String {
        self.version.clone()
    }
}

fn health(health: Health) -> Cell {
    let tone = match health {
        Health::Ok => Tone::Good,
        Health::Degraded | Health::Starting => Tone::Warn,
        Health::Failing => Tone::Bad,
    };
    Cell::toned(health.name(), tone)
}

/// A pool of 2^64 addresses says nothing; then only what is used is shown.
fn usage(usage: Usage) -> String {
    if usage.total > 1 << 32 {
        usage.used.to_string()
    } else {
        format!("{}/{}", usage.used, usage.total)
    }
}
