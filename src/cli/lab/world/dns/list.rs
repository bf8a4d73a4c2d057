//! `skep lab world dns list`.

use std::net::IpAddr;

use serde::Serialize;

use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        lab::name::NameArgs,
        output::{Cell, Detail, FormatArgs, Output, Render, Table},
    },
    lab::WorldNames,
};

/// List the world's names
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab world dns list -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let names = WorldNames::read(&self.lab.existing()?)?;
        let items = names
            .iter()
            .map(|(name, addresses)| Item { name: name.to_string(), addresses: addresses.to_vec() })
            .collect();
        let list = List { api_version: API_VERSION, kind: "WorldNameList", items };
        out.show(&list, self.format.format)?;
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
    addresses: Vec<IpAddr>,
}

impl Render for List {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["NAME", "ADDRESSES"]);
        for item in &self.items {
            let addresses: Vec<_> = item.addresses.iter().map(ToString::to_string).collect();
            table.row([Cell::from(&item.name), addresses.join(" ").into()]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| item.name.clone()).collect()
    }

    fn empty(&self) -> String {
        "No names found.".to_owned()
    }
}
