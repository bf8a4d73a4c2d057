//! `skep identity list`.

use crate::{
    api::{Identity, IdentityState},
    cli::{
        error::Error,
        exit::Answer,
        list::{self, ListArgs},
        output::{Cell, Columns, Detail, Output, Tone},
    },
};

/// List identities
///
/// Lists the label sets that have a number. They are the same on every node; asked from outside,
/// each is listed once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  skep identity list\n  skep identity list -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        self.list.run_merged(out, list::first_by(|identity: &Identity| identity.id))
    }
}

impl Columns for Identity {
    const PLURAL: &'static str = "identities";
    const COMMAND: &'static [&'static str] = &["identity", "list"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["ID", "STATE", "ENDPOINTS", "LABELS"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        let state = match self.state {
            IdentityState::Reserved => "reserved".into(),
            IdentityState::Active => Cell::toned("active", Tone::Good),
            IdentityState::Retired => Cell::toned("retired", Tone::Warn),
        };
        vec![self.id.into(), state, self.endpoints.into(), self.labels.join(",").into()]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}
