//! `skep man`, hidden: it makes the pages that packages install.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use clap_mangen::Man;

use super::{error::Error, exit::Answer, output::Output, tree::Cli};

/// Write the man pages
///
/// Writes one page for every command that is not hidden.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep man --output-dir man")]
pub(crate) struct Args {
    /// Directory to write to
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
}

/// A page cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub(crate) struct ManError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Args {
    pub(crate) fn run(self, _: &Output) -> Result<Answer, Error> {
        fs::create_dir_all(&self.output_dir)
            .map_err(|source| ManError { path: self.output_dir.clone(), source })?;
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        write(&command, &self.output_dir)?;
        Ok(Answer::Yes)
    }
}

/// Writes the page of a command and those below it.
fn write(command: &clap::Command, dir: &Path) -> Result<(), ManError> {
    let man = Man::new(command.clone());
    let path = dir.join(man.get_filename());
    let mut page = Vec::new();
    man.render(&mut page)
        .and_then(|()| fs::write(&path, page))
        .map_err(|source| ManError { path, source })?;
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|c| write(c, dir))
}
