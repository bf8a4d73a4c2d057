//! `skep connectivity list`.

use serde::Serialize;

use super::Items;
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::{Detail, FormatArgs, Output, Render, Table},
    },
    connectivity::{NothingSelected, Pattern, Profile, Scenario, select},
};

/// Which scenarios are meant.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SelectionArgs {
    /// Scenarios by name, a regular expression; may be repeated
    ///
    /// A pattern is looked for in the names of tests and scenarios, TEST/SCENARIO in both, and
    /// /SCENARIO in those of scenarios only. A `!` in front leaves out what fits.
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    test: Vec<Pattern>,
    /// How much is tried
    #[arg(long, value_enum, value_name = "PROFILE", default_value = "standard")]
    pub(super) profile: ProfileArg,
}

/// `--profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ProfileArg {
    /// The essence, on two nodes
    Smoke,
    /// Everything, on three nodes at most
    Standard,
    /// Everything, on every node, with the largest packets
    Full,
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Self {
        match profile {
            ProfileArg::Smoke => Self::Smoke,
            ProfileArg::Standard => Self::Standard,
            ProfileArg::Full => Self::Full,
        }
    }
}

impl SelectionArgs {
    /// Returns what is selected.
    pub(super) fn select(&self) -> Result<Vec<&'static Scenario>, NothingSelected> {
        select(self.profile.into(), &self.test)
    }
}

/// List the scenarios of the connectivity test
///
/// Shows what `skep connectivity test` with the same flags would run. Asks no cluster.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep connectivity list --profile full
  skep connectivity list --test /pod-to-pod --test '!large' -o name")]
pub(crate) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        out.show(&Scenarios(self.selection.select()?), self.format.format)?;
        Ok(Answer::Yes)
    }
}

/// The scenarios, for people and scripts.
pub(super) struct Scenarios(pub(super) Vec<&'static Scenario>);

/// What `-o json` shows of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    test: &'static str,
    name: &'static str,
    /// The first profile that has it.
    profile: &'static str,
    summary: &'static str,
}

impl Render for Scenarios {
    type Document<'a> = Items<Listed>;

    fn document(&self) -> Items<Listed> {
        let listed = |scenario: &&'static Scenario| Listed {
            test: scenario.test,
            name: scenario.name,
            profile: scenario.profile.name(),
            summary: scenario.summary,
        };
        Items::new("ScenarioList", self.0.iter().map(listed))
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["SCENARIO", "PROFILE", "WHAT IT TRIES"]);
        for scenario in &self.0 {
            table.row([scenario.into(), scenario.profile.name().into(), scenario.summary.into()]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}
