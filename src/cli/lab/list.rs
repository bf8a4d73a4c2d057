//! `skep lab list`.

use serde::Serialize;

use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{Cell, Detail, FormatArgs, Output, Render, Table, Tone, age},
    },
    lab::{self, LabDir},
};

/// List labs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab list -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let mut items = Vec::new();
        for dir in LabDir::all()? {
            let record = dir.record().ok();
            let condition = lab::condition(&dir)?;
            items.push(Item {
                name: dir.name().to_string(),
                state: condition.word(),
                nodes: record.as_ref().map(|record| record.spec.nodes),
                routing: record.as_ref().map(|record| record.spec.routing.to_string()),
                ip_family: record.as_ref().map(|record| record.spec.ip_family.to_string()),
                created: record.map(|record| record.created),
            });
        }
        out.show(&List { api_version: API_VERSION, kind: "LabList", items }, self.format.format)?;
        Ok(Answer::Yes)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    state: &'static str,
    nodes: Option<u16>,
    routing: Option<String>,
    ip_family: Option<String>,
    created: Option<jiff::Timestamp>,
}

impl Render for List {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["NAME", "STATE", "NODES", "ROUTING", "FAMILY", "AGE"]);
        for item in &self.items {
            let tone = if item.state == "running" { Tone::Good } else { Tone::Bad };
            let lived = item
                .created
                .map(|created| age(jiff::Timestamp::now().duration_since(created).unsigned_abs()));
            table.row([
                Cell::from(&item.name),
                Cell::toned(item.state, tone),
                Cell::optional(item.nodes),
                Cell::optional(item.routing.as_ref()),
                Cell::optional(item.ip_family.as_ref()),
                Cell::optional(lived),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| item.name.clone()).collect()
    }

    fn empty(&self) -> String {
        "No labs found.".to_owned()
    }
}
