//! `skep lab status`.

use std::path::PathBuf;

use serde::Serialize;

use super::name::NameArgs;
use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{Cell, Detail, FormatArgs, Output, Render, Table, Tone},
        runtime,
    },
    lab::{self, Condition, LabStatus},
};

/// Show how a lab is
///
/// Exits with 1 when one of its processes has ended or anything in it is not ready.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab status --name test")]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let status = runtime::query(async { status_of(&dir).await })?;
        let (name, condition) = (dir.name().to_string(), status.condition);
        let view = View::new(dir.name().to_string(), dir.kubeconfig(), status);
        out.show(&view, self.format.format)?;
        match condition {
            Condition::Running => {}
            Condition::Halted(gone) => out.warn(&format!(
                "{gone} ended: `skep lab up --name {name}` starts what is missing, with all objects kept"
            )),
            Condition::Broken => out.warn(&format!(
                "only parts of it are there: `skep lab up --name {name}` makes it anew, `skep lab down --name {name}` removes it"
            )),
        }
        Ok(if view.healthy { Answer::Yes } else { Answer::No })
    }
}

async fn status_of(dir: &lab::LabDir) -> Result<LabStatus, Error> {
    Ok(lab::status(dir).await?)
}

/// A lab, as shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    api_version: &'static str,
    kind: &'static str,
    name: String,
    state: &'static str,
    healthy: bool,
    kubeconfig: PathBuf,
    nodes_ready: Option<usize>,
    pods: Option<usize>,
    pods_ready: Option<usize>,
    pending: Vec<String>,
    nodes: Vec<Node>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    addresses: Vec<String>,
    pod_cidrs: Vec<String>,
    active: bool,
}

impl View {
    fn new(name: String, kubeconfig: PathBuf, status: LabStatus) -> Self {
        let running = status.condition == Condition::Running;
        let readiness = status.readiness;
        let nodes = status.nodes.into_iter().map(|node| Node {
            name: node.name,
            addresses: node.addresses,
            pod_cidrs: node.pod_cidrs,
            active: node.active,
        });
        Self {
            api_version: API_VERSION,
            kind: "LabStatus",
            name,
            state: status.condition.word(),
            healthy: running && readiness.as_ref().is_some_and(lab::Readiness::is_ready),
            kubeconfig,
            nodes_ready: readiness.as_ref().map(|readiness| readiness.nodes_ready),
            pods: readiness.as_ref().map(|readiness| readiness.pods),
            pods_ready: readiness.as_ref().map(|readiness| readiness.pods_ready),
            pending: readiness.map(|readiness| readiness.pending).unwrap_or_default(),
            nodes: nodes.collect(),
        }
    }
}

impl Render for View {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, _: Detail) -> Table {
        let share = |ready: Option<usize>, all: Option<usize>| {
            Cell::optional(ready.zip(all).map(|(ready, all)| format!("{ready}/{all}")))
        };
        let tone = if self.state == "running" { Tone::Good } else { Tone::Bad };
        let mut table = Table::new([]);
        table.row(["lab".into(), Cell::from(&self.name)]);
        table.row(["state".into(), Cell::toned(self.state, tone)]);
        table.row(["nodes ready".into(), share(self.nodes_ready, Some(self.nodes.len()))]);
        table.row(["pods ready".into(), share(self.pods_ready, self.pods)]);
        for pending in &self.pending {
            table.row(["not ready".into(), Cell::toned(pending, Tone::Warn)]);
        }
        for node in &self.nodes {
            let state = if node.active { "" } else { " (no processes)" };
            let text =
                format!("{} pods {}{state}", node.addresses.join(" "), node.pod_cidrs.join(" "));
            table.row([Cell::from(&node.name), text.into()]);
        }
        table.row(["kubeconfig".into(), self.kubeconfig.display().into()]);
        table
    }

    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}
