//! Live, or once.

use std::io::{self, IsTerminal};

use super::{live::live, once::once, state::Tab};
use crate::cli::{
    error::Error,
    exit::Answer,
    observe::FlowArgs,
    output::{self, Output},
};

/// Watch who speaks with whom
///
/// Shows stored and new flows as counts, live: who speaks with whom, who speaks, what is dropped and by which
/// policy, and which policies decide. Keys sort, filter, pause and look into a row; `?` lists them. Filters are
/// those of `skep observe`, on the command line and after `/`. Without a terminal, or with --once, it prints one
/// list of what is stored.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep top
  skep top -n shop --tab drops
  skep top --once -o json --since 5m")]
pub(crate) struct Args {
    /// What is listed first
    #[arg(long, value_enum, value_name = "TAB", default_value = "edges", help_heading = "Output")]
    tab: Tab,
    /// Print what is stored, once
    #[arg(long, help_heading = "Output")]
    once: bool,
    /// Output format of --once
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        requires = "once",
        help_heading = "Output"
    )]
    output: Option<Format>,
    #[command(flatten)]
    flows: FlowArgs,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Columns
    Table,
    /// One JSON document
    Json,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let result = if self.once || !is_terminal {
            let format = match self.output {
                Some(Format::Json) => output::Format::Json,
                Some(Format::Table) | None => output::Format::Table,
            };
            once(&self.flows, self.tab, format, out)
        } else {
            live(self.flows, self.tab, out)
        };
        result.map(|()| Answer::Yes)
    }
}
