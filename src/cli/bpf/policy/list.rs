//! `skep bpf policy list`.

use crate::{
    api::BpfPolicy,
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, Tone},
    },
    model::EndpointId,
};

/// List the policy maps
///
/// Lists the verdicts in the datapath of a node, and the rule behind each: for classes of identities,
/// addresses and ports that the rules of an endpoint treat alike. A class without members is everybody,
/// or every port, that no other line of the same policy names.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf policy list\n  skep bpf policy list --endpoint 12 --identity 23456"
)]
pub(crate) struct Args {
    /// Show the policies of this endpoint only; the host is 0
    #[arg(long, value_name = "ID")]
    endpoint: Option<u32>,
    /// Show lines that name this identity only
    #[arg(long, value_name = "NUMBER")]
    identity: Option<u32>,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let (endpoint, identity) = (self.endpoint, self.identity);
        self.list.run::<BpfPolicy>(out, |entry| {
            let has =
                |id| entry.ingress_endpoints.contains(&id) || entry.egress_endpoints.contains(&id);
            endpoint.is_none_or(has) && identity.is_none_or(|own| entry.identities.contains(&own))
        })
    }
}

/// How many members a cell shows.
const SHOWN: usize = 4;

fn members(all: &[String], otherwise: &str, detail: Detail) -> Cell {
    match all {
        [] => otherwise.into(),
        _ if detail.is_wide() || all.len() <= SHOWN => all.join(",").into(),
        _ => format!("{},+{}", all[..SHOWN].join(","), all.len() - SHOWN).into(),
    }
}

fn called(endpoint: u32) -> String {
    if endpoint == EndpointId::HOST.0 { "host".to_owned() } else { endpoint.to_string() }
}

fn endpoints(entry: &BpfPolicy) -> String {
    let of = |ids: &[u32], way: &str| {
        ids.iter().map(|id| format!("{} {way}", called(*id))).collect::<Vec<_>>()
    };
    let mut all = of(&entry.ingress_endpoints, "ingress");
    all.extend(of(&entry.egress_endpoints, "egress"));
    all.join(",")
}

impl Columns for BpfPolicy {
    const PLURAL: &'static str = "entries in the policy maps";
    const COMMAND: &'static [&'static str] = &["bpf", "policy", "list"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["POLICY", "ENDPOINTS", "PEERS", "ADDRESSES", "PORTS", "VERDICT", "RULE"]
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let identities: Vec<String> = self.identities.iter().map(ToString::to_string).collect();
        let others = match self.scope.as_str() {
            "unknown" => "unknown",
            "pod" => "other pods",
            "world" => "other world",
            _ => "other nodes",
        };
        let tone = match self.verdict.as_str() {
            "allow" => Tone::Good,
            "audit" => Tone::Warn,
            _ => Tone::Bad,
        };
        vec![
            self.policy.into(),
            endpoints(self).into(),
            members(&identities, others, detail),
            members(&self.addresses, "other", detail),
            members(&self.ports, "other", detail),
            Cell::toned(self.verdict.clone(), tone),
            self.rule.clone().into(),
        ]
    }

    fn name(&self) -> String {
        self.policy.to_string()
    }
}
