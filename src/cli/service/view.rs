//! One service in full, as each node has it.

use std::collections::BTreeMap;

use super::{list::problems, words};
use crate::{
    api::{Backend, BackendState, Frontend, List, Located, Service},
    cli::{
        list::yes_no,
        output::{Cell, Detail, Render, Table, Tone},
    },
};

/// What the nodes make of a service.
#[derive(Debug)]
pub(super) struct ServiceView {
    list: List<Service>,
}

impl ServiceView {
    pub(super) fn new(items: Vec<Located<Service>>) -> Self {
        Self { list: List::of(items) }
    }

    fn frontends(&self, detail: Detail) -> Table {
        let mut headings = vec!["NODE", "NUMBER", "FRONTEND", "FAMILY", "KIND", "SCOPE", "POLICY"];
        headings.extend(["AFFINITY", "TAKING"]);
        if detail.is_wide() {
            headings.extend(["PORT NAME", "IF NOBODY TAKES", "SOURCES"]);
        }
        let mut table = Table::new(headings);
        for Located { node_name, item } in &self.list.items {
            for frontend in &item.frontends {
                table.row(std::iter::once(node_name.into()).chain(cells(frontend, detail)));
            }
        }
        table
    }

    fn backends(&self) -> Table {
        let mut table = Table::new([
            "NODE",
            "BACKEND",
            "ADDRESS",
            "STATE",
            "TAKES",
            "ON NODE",
            "IN ZONE",
            "OF FRONTENDS",
        ]);
        for Located { node_name, item } in &self.list.items {
            for ((id, takes), (backend, frontends)) in grouped(&item.frontends) {
                table.row([
                    node_name.into(),
                    id.into(),
                    words::place(backend.address, backend.port).into(),
                    state(backend.state),
                    yes_no(takes),
                    Cell::optional(backend.node.as_ref()),
                    Cell::optional(backend.zone.as_ref()),
                    frontends.join(",").into(),
                ]);
            }
        }
        table
    }
}

impl Render for ServiceView {
    type Document<'a> = &'a List<Service>;

    fn document(&self) -> &List<Service> {
        &self.list
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["NODE", "NAMESPACE", "NAME", "TYPE", "PROBLEMS"]);
        for Located { node_name, item } in &self.list.items {
            table.row([
                node_name.into(),
                Cell::from(&item.namespace),
                (&item.name).into(),
                item.kind.name().into(),
                problems(item.findings.len()),
            ]);
        }
        table
    }

    fn more(&self, detail: Detail) -> Vec<Table> {
        let items = self.list.items.iter();
        let findings = items.map(|one| (one.node_name.as_str(), one.item.findings.as_slice()));
        vec![self.frontends(detail), self.backends(), findings_table(findings)]
    }

    fn names(&self) -> Vec<String> {
        self.list.items.iter().map(|located| located.node_name.clone()).collect()
    }
}

/// Lists what of a service has no effect, by node.
pub(super) fn findings_table<'a>(all: impl Iterator<Item = (&'a str, &'a [String])>) -> Table {
    let mut table = Table::new(["NODE", "WITHOUT EFFECT"]);
    for (node, findings) in all {
        for finding in findings {
            table.row([node.into(), Cell::toned(finding, Tone::Warn)]);
        }
    }
    table
}

fn cells(frontend: &Frontend, detail: Detail) -> Vec<Cell> {
    let taking = frontend.backends.iter().filter(|backend| backend.takes_connections).count();
    let tone = if taking == 0 { Tone::Bad } else { Tone::Good };
    let mut cells = vec![
        frontend.id.into(),
        words::vip(frontend.address, frontend.port, &frontend.protocol).into(),
        words::family(frontend.address).into(),
        words::kind(frontend.kind, frontend.redirect.as_deref()).into(),
        frontend.scope.name().into(),
        frontend.policy.name().into(),
        Cell::optional(frontend.affinity_seconds.map(|seconds| format!("{seconds}s"))),
        Cell::toned(taking, tone),
    ];
    if detail.is_wide() {
        let sources = frontend.source_ranges.as_ref().map(|ranges| match ranges.as_slice() {
            [] => "nobody".to_owned(),
            _ => ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        });
        cells.extend([
            Cell::from(&frontend.port_name),
            frontend.when_empty.name().into(),
            Cell::optional(sources),
        ]);
    }
    cells
}

/// A backend by its number and whether it takes connections, and the numbers of frontends where it does.
type Grouped<'a> = BTreeMap<(u32, bool), (&'a Backend, Vec<String>)>;

/// Most frontends of a service have the same backends, so each backend is told once.
fn grouped(frontends: &[Frontend]) -> Grouped<'_> {
    let mut groups = Grouped::new();
    for frontend in frontends {
        for backend in &frontend.backends {
            let key = (backend.id, backend.takes_connections);
            let (_, numbers) = groups.entry(key).or_insert((backend, Vec::new()));
            numbers.push(frontend.id.to_string());
        }
    }
    groups
}

fn state(state: BackendState) -> Cell {
    let tone = match state {
        BackendState::Active => Tone::Good,
        BackendState::Terminating => Tone::Warn,
    };
    Cell::toned(state.name(), tone)
}
