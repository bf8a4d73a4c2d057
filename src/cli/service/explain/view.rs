//! What becomes of a client's connections, for people and scripts.

use std::{collections::HashMap, net::IpAddr};

use super::words::{allowed, fate, hook, sees, topology, verdict};
use crate::{
    api::{
        Explained, ExplainedEndpoint, Fate, List, Located, PolicyAnswer, Sees, ServiceExplanation,
    },
    cli::{
        list::yes_no,
        output::{Cell, Detail, Render, Table, Tone},
        service::{view::findings_table, words},
    },
};

/// What the nodes that were asked say.
#[derive(Debug)]
pub(super) struct ExplainView {
    list: List<ServiceExplanation>,
}

impl ExplainView {
    pub(super) fn new(items: Vec<Located<ServiceExplanation>>) -> Self {
        Self { list: List::of(items) }
    }

    /// Returns why nothing answers the client, if no node has anything to show.
    pub(super) fn unanswered(&self) -> Option<String> {
        let mut reasons = self.list.items.iter().map(|located| located.item.reason.clone());
        if reasons.clone().all(|reason| reason.is_some()) { reasons.next()? } else { None }
    }

    /// Tells whether a backend takes every connection.
    pub(super) fn is_taken(&self) -> bool {
        let items = &self.list.items;
        let all = |told: &ServiceExplanation| {
            told.reason.is_none() && told.connections.iter().all(Explained::is_taken)
        };
        !items.is_empty() && items.iter().all(|located| all(&located.item))
    }

    /// Yields each connection with the node that tells about it.
    fn connections(&self) -> impl Iterator<Item = (&str, &Explained)> {
        self.list.items.iter().flat_map(|located| {
            let node = located.node_name.as_str();
            located.item.connections.iter().map(move |connection| (node, connection))
        })
    }

    fn verdicts(&self) -> Table {
        let mut table = Table::new([
            "NODE",
            "NUMBER",
            "FRONTEND",
            "FAMILY",
            "KIND",
            "POLICY",
            "HOOK",
            "AFFINITY",
            "ENDPOINTS USED",
            "VERDICT",
        ]);
        for (node, one) in self.connections() {
            table.row([
                node.into(),
                one.id.into(),
                words::vip(one.address, one.port, &one.protocol).into(),
                words::family(one.address).into(),
                words::kind(one.kind, one.redirect.as_deref()).into(),
                one.policy.name().into(),
                hook(one.hook).into(),
                Cell::optional(one.affinity_seconds.map(|seconds| format!("{seconds}s"))),
                topology(one.topology).into(),
                verdict(one),
            ]);
        }
        for Located { node_name, item } in &self.list.items {
            if let Some(reason) = &item.reason {
                let blanks = std::iter::repeat_n(Cell::default(), 8);
                let said = [Cell::toned(reason, Tone::Bad)];
                table.row(std::iter::once(node_name.into()).chain(blanks).chain(said));
            }
        }
        table
    }

    /// Most frontends of a service have the same endpoints, so each is told once for each fate and each client
    /// that it sees.
    fn endpoints(&self) -> Table {
        let mut table = Table::new([
            "NODE",
            "ENDPOINT",
            "ON NODE",
            "IN ZONE",
            "SEES",
            "TAKES",
            "WHY",
            "ALLOWED",
            "OF FRONTENDS",
        ]);
        for Located { node_name, item } in &self.list.items {
            for (endpoint, frontends) in grouped(&item.connections) {
                let row = cells(endpoint).into_iter().chain([frontends.join(",").into()]);
                table.row(std::iter::once(node_name.into()).chain(row));
            }
        }
        table
    }
}

impl Render for ExplainView {
    type Document<'a> = &'a List<ServiceExplanation>;

    fn document(&self) -> &List<ServiceExplanation> {
        &self.list
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["CLIENT", "ADDRESSES", "SCOPE", "ON NODE", "IN ZONE"]);
        let known = self.list.items.iter().find_map(|located| {
            let client = located.item.client.as_ref()?;
            Some((&located.item.from, client))
        });
        if let Some((from, client)) = known {
            let addresses: Vec<String> = client.addresses.iter().map(ToString::to_string).collect();
            table.row([
                Cell::from(from),
                addresses.join(",").into(),
                client.scope.name().into(),
                Cell::optional(client.node.as_ref()),
                Cell::optional(client.zone.as_ref()),
            ]);
        }
        table
    }

    fn more(&self, _: Detail) -> Vec<Table> {
        let items = self.list.items.iter();
        let findings = items.map(|one| (one.node_name.as_str(), one.item.findings.as_slice()));
        vec![self.verdicts(), self.endpoints(), findings_table(findings)]
    }

    fn names(&self) -> Vec<String> {
        let taking = self.list.items.iter().flat_map(|located| grouped(&located.item.connections));
        let taking = taking.filter(|(endpoint, _)| endpoint.takes_connections);
        taking.map(|(endpoint, _)| words::place(endpoint.address, endpoint.port)).collect()
    }
}

/// What is told of an endpoint besides where it is.
type Told<'a> = (IpAddr, u16, Fate, Sees, Option<&'a PolicyAnswer>);

/// Returns each endpoint with the numbers of the frontends to which it is the same.
fn grouped(connections: &[Explained]) -> Vec<(&ExplainedEndpoint, Vec<String>)> {
    let mut groups: Vec<(&ExplainedEndpoint, Vec<String>)> = Vec::new();
    let mut places: HashMap<Told<'_>, usize> = HashMap::new();
    for connection in connections {
        for endpoint in &connection.endpoints {
            let ExplainedEndpoint { address, port, fate, sees, network_policy, .. } = endpoint;
            let key = (*address, *port, *fate, *sees, network_policy.as_ref());
            let place = *places.entry(key).or_insert(groups.len());
            if place == groups.len() {
                groups.push((endpoint, Vec::new()));
            }
            groups[place].1.push(connection.id.to_string());
        }
    }
    groups
}

fn cells(endpoint: &ExplainedEndpoint) -> [Cell; 7] {
    [
        words::place(endpoint.address, endpoint.port).into(),
        Cell::optional(endpoint.node.as_ref()),
        Cell::optional(endpoint.zone.as_ref()),
        sees(endpoint.sees).into(),
        yes_no(endpoint.takes_connections),
        fate(endpoint.fate).into(),
        allowed(endpoint.network_policy.as_ref()),
    ]
}
