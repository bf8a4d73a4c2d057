//! `skep lab kubeconfig`.

use std::{fs, path::PathBuf};

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer, output::Output},
    lab::StateError,
};

/// Print a lab's kubeconfig
///
/// The file reaches the lab's API server by this machine's loopback, with all rights.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab kubeconfig > lab.yaml\n  export KUBECONFIG=$(skep lab kubeconfig --write lab.yaml)"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Write it to a file and print the file's path
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let path = dir.kubeconfig();
        let read = |source| StateError::Io { act: "read", path: path.clone(), source };
        let text = fs::read_to_string(&path).map_err(read)?;
        match self.write {
            None => out.text(&text)?,
            Some(file) => {
                let write = |source| StateError::Io { act: "write", path: file.clone(), source };
                fs::write(&file, &text).map_err(write)?;
                let full = fs::canonicalize(&file).map_err(write)?;
                out.line(&full.display().to_string())?;
            }
        }
        Ok(Answer::Yes)
    }
}
