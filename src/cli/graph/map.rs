//! What is drawn: parties on islands, and links between them. Pure, and the same for the same flows.

use std::collections::{BTreeMap, BTreeSet};

use crate::flows::edges::{Counts, Edge, Edges, Party};

/// Ports that a label names.
const PORTS_SHOWN: usize = 3;

/// A map of services.
#[derive(Debug)]
pub(super) struct Map<'a> {
    pub(super) islands: Vec<Island>,
    /// By island, then by kind and name; links and islands speak of them by index.
    pub(super) parties: Vec<&'a Party>,
    pub(super) links: Vec<Link>,
}

/// Parties of one namespace, or all that are in none.
#[derive(Debug)]
pub(super) struct Island {
    pub(super) name: String,
    pub(super) parties: Vec<usize>,
}

/// All that one party asks of another.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) ports: Vec<PortCount>,
}

/// Flows to one port.
#[derive(Debug)]
pub(super) struct PortCount {
    pub(super) port: String,
    pub(super) flows: u64,
    pub(super) dropped: u64,
}

/// What is in no namespace: nodes, addresses and names outside.
const OUTSIDE: &str = "outside of namespaces";

impl<'a> Map<'a> {
    /// Puts everybody in order.
    pub(super) fn of(edges: &'a Edges) -> Self {
        let all: BTreeSet<(Place<'a>, &'a Party)> = edges
            .iter()
            .flat_map(|(edge, _)| [&edge.source, &edge.destination])
            .map(|party| (Place::of(party), party))
            .collect();
        let mut islands: Vec<(Place<'a>, Island)> = Vec::new();
        for (index, (place, _)) in all.iter().enumerate() {
            match islands.last_mut().filter(|(last, _)| last == place) {
                Some((_, island)) => island.parties.push(index),
                None => {
                    islands.push((*place, Island { name: place.name(), parties: vec![index] }));
                }
            }
        }
        let parties: Vec<&Party> = all.into_iter().map(|(_, party)| party).collect();
        let index: BTreeMap<&Party, usize> =
            parties.iter().enumerate().map(|(index, party)| (*party, index)).collect();
        let mut links: BTreeMap<(usize, usize), Vec<PortCount>> = BTreeMap::new();
        for (edge, counts) in edges.iter() {
            let ends = (index[&edge.source], index[&edge.destination]);
            links.entry(ends).or_default().push(PortCount::of(edge, counts));
        }
        let islands = islands.into_iter().map(|(_, island)| island).collect();
        let links = links.into_iter().map(|((from, to), ports)| Link { from, to, ports }).collect();
        Self { islands, parties, links }
    }
}

/// Namespaces by name, then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Namespace(&'a str),
    Outside,
}

impl<'a> Place<'a> {
    fn of(party: &'a Party) -> Self {
        party.namespace().map_or(Self::Outside, Self::Namespace)
    }

    fn name(self) -> String {
        match self {
            Self::Namespace(name) => name.to_owned(),
            Self::Outside => OUTSIDE.to_owned(),
        }
    }
}

impl PortCount {
    fn of(edge: &Edge, counts: &Counts) -> Self {
        let port = crate::cli::observe::port(edge.port, &edge.protocol);
        Self { port, flows: counts.flows, dropped: counts.dropped() }
    }
}

impl Link {
    /// Tells whether anything was dropped.
    pub(super) fn has_drops(&self) -> bool {
        self.ports.iter().any(|port| port.dropped > 0)
    }

    /// Returns a line for each port, the busiest first, and one for the rest.
    pub(super) fn labels(&self) -> Vec<String> {
        let mut ports: Vec<&PortCount> = self.ports.iter().collect();
        ports.sort_by_key(|port| std::cmp::Reverse(port.flows));
        let mut lines: Vec<String> =
            ports.iter().take(PORTS_SHOWN).map(|port| port.label()).collect();
        let more = ports.len().saturating_sub(PORTS_SHOWN);
        if more > 0 {
            let s = if more == 1 { "" } else { "s" };
            lines.push(format!("+{more} port{s}"));
        }
        lines
    }
}

impl PortCount {
    fn label(&self) -> String {
        let Self { port, flows, dropped } = self;
        let port = if port.is_empty() { String::new() } else { format!("{port} ") };
        let s = if *flows == 1 { "" } else { "s" };
        let drops = if *dropped == 0 { String::new() } else { format!(", {dropped} dropped") };
        format!("{port}{flows} flow{s}{drops}")
    }
}
