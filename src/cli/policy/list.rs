//! `skep policy list`.

use crate::{
    api::{Policy, PolicyState},
    cli::{
        error::Error,
        exit::Answer,
        list::ListArgs,
        output::{Cell, Columns, Detail, Output, Tone},
    },
};

/// List policies as the nodes have them
///
/// Lists every policy object on every node: whether this version of it is in the datapath, how many of the
/// node's endpoints it applies to, and how often its rules have decided.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep policy list -n shop\n  skep policy list -o json | jq '.items[] | select(.state != \"enforced\")'"
)]
pub(crate) struct Args {
    /// Show policies of this namespace only
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Error> {
        let namespace = self.namespace;
        self.list.run::<Policy>(out, |policy| {
            namespace.as_ref().is_none_or(|namespace| *namespace == policy.namespace)
        })
    }
}

impl Columns for Policy {
    const PLURAL: &'static str = "policies";
    const COMMAND: &'static [&'static str] = &["policy", "list"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings =
            vec!["KIND", "NAMESPACE", "NAME", "STATE", "ENDPOINTS", "HITS", "REVISION"];
        if detail.is_wide() {
            headings.extend(["GENERATION", "RULES", "REASON"]);
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let hits: u64 = self.hits.iter().map(|rule| rule.count).sum();
        let mut cells = vec![
            Cell::from(&self.kind),
            (&self.namespace).into(),
            (&self.name).into(),
            state(self.state),
            self.endpoints.len().to_string().into(),
            hits.to_string().into(),
            self.revision.into(),
        ];
        if detail.is_wide() {
            let rule = |rule: &crate::api::RuleHits| {
                let name = if rule.rule.is_empty() { "isolation" } else { &rule.rule };
                format!("{name}={}", rule.count)
            };
            let rules: Vec<String> = self.hits.iter().map(rule).collect();
            cells.push(self.generation.to_string().into());
            cells.push(rules.join(",").into());
            cells.push((&self.reason).into());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

pub(super) fn state(state: PolicyState) -> Cell {
    match state {
        PolicyState::Enforced => Cell::toned("enforced", Tone::Good),
        PolicyState::Pending => Cell::toned("pending", Tone::Warn),
        PolicyState::Rejected => Cell::toned("rejected", Tone::Bad),
    }
}
