//! `skep completions`.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{error::Error, exit::Answer, output::Output, tree::Cli};

/// Print a completion script for a shell
///
/// Prints a script that teaches a shell to complete skep's commands and flags.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Example:\n  skep completions bash > /usr/share/bash-completion/completions/skep"
)]
pub(crate) struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "skep", &mut script);
        out.text(&String::from_utf8_lossy(&script))?;
        Ok(Answer::Yes)
    }
}
