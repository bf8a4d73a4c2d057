//! `skep service list`.

use std::collections::BTreeMap;

use super::words::vip;
use crate::{
    api::{Backend, BackendState, Frontend, Service},
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, Tone},
    },
};

/// List services as the nodes balance them
///
/// Lists every service on every node: what clients connect to, how many backends are active or about to
/// end, how many of them take new connections from this node, and how many parts of the service have no
/// effect. A frontend `*:PORT` is a node port at every node, for clients in the cluster. A pod with host
/// ports is listed as `pod/NAME`, by the node that it is on. A policy that redirects (kind
/// CiliumLocalRedirectPolicy) is listed as `redirect/NAME`; its frontends are those for which a pod of the
/// node is ready.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep service list -n shop\n  skep service list --node worker-1 -o wide\n  skep service list -o json | jq '.items[] | select(.findings != [])'"
)]
pub(crate) struct Args {
    /// Show services of this namespace only
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Error> {
        let namespace = self.namespace;
        self.list.run::<Service>(out, |service| {
            namespace.as_ref().is_none_or(|namespace| *namespace == service.namespace)
        })
    }
}

/// How many frontends a cell shows.
const SHOWN: usize = 3;

impl Columns for Service {
    const PLURAL: &'static str = "services";
    const COMMAND: &'static [&'static str] = &["service", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings = vec!["NAMESPACE", "NAME", "TYPE", "FRONTENDS"];
        headings.extend(["ACTIVE", "TERMINATING", "TAKING", "PROBLEMS"]);
        if detail.is_wide() {
            headings.push("FINDINGS");
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let counts = Counts::of(&self.frontends);
        let mut cells = vec![
            Cell::from(&self.namespace),
            (&self.name).into(),
            self.kind.name().into(),
            frontends(&self.frontends, detail).into(),
            counts.active.into(),
            counts.terminating.into(),
            Cell::toned(counts.taking, counts.tone(&self.frontends)),
            problems(self.findings.len()),
        ];
        if detail.is_wide() {
            cells.push(self.findings.join("; ").into());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

pub(super) fn problems(count: usize) -> Cell {
    Cell::toned(count, if count == 0 { Tone::Plain } else { Tone::Warn })
}

/// A frontend that both scopes have is named once, unless kinds and scopes are shown.
fn frontends(all: &[Frontend], detail: Detail) -> String {
    let word = |one: &Frontend| {
        let vip = vip(one.address, one.port, &one.protocol);
        match detail {
            Detail::Wide => format!("{vip} {} {}", one.kind.name(), one.scope.name()),
            Detail::Normal => vip,
        }
    };
    let mut words: Vec<String> = Vec::with_capacity(all.len());
    for text in all.iter().map(word) {
        if !words.contains(&text) {
            words.push(text);
        }
    }
    match words.len() {
        more if more > SHOWN && !detail.is_wide() => {
            format!("{},+{}", words[..SHOWN].join(","), more - SHOWN)
        }
        _ => words.join(","),
    }
}

/// Backends of all frontends, each once.
struct Counts {
    active: usize,
    terminating: usize,
    taking: usize,
}

impl Counts {
    fn of(frontends: &[Frontend]) -> Self {
        let mut backends: BTreeMap<u32, (&Backend, bool)> = BTreeMap::new();
        for backend in frontends.iter().flat_map(|frontend| &frontend.backends) {
            let (_, taking) = backends.entry(backend.id).or_insert((backend, false));
            *taking |= backend.takes_connections;
        }
        let count = |test: fn(&(&Backend, bool)) -> bool| {
            backends.values().filter(|entry| test(entry)).count()
        };
        Self {
            active: count(|(backend, _)| backend.state == BackendState::Active),
            terminating: count(|(backend, _)| backend.state == BackendState::Terminating),
            taking: count(|(_, taking)| *taking),
        }
    }

    fn tone(&self, frontends: &[Frontend]) -> Tone {
        match (frontends.is_empty(), self.taking) {
            (true, _) => Tone::Plain,
            (false, 0) => Tone::Bad,
            (false, _) => Tone::Good,
        }
    }
}
