//! `skep lab down`.

use crate::{
    cli::{
        error::{Error, Kind},
        exit::Answer,
        output::Output,
    },
    lab::{self, LabDir, LabName},
};

/// Take a lab down
///
/// Removes every namespace, device, mount, control group and process of the lab, also when parts
/// of it have died. A lab that is not there is removed already.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  skep lab down\n  skep lab down --all")]
pub(crate) struct Args {
    /// Name of the lab
    #[arg(long, value_name = "NAME", default_value = "skep", conflicts_with = "all")]
    name: LabName,
    /// Take every lab down
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        if !nix::unistd::geteuid().is_root() {
            let error = Error::new(Kind::Environment, "taking a lab down needs root");
            return Err(error.hint("run it with sudo"));
        }
        let dirs = if self.all {
            LabDir::all()?
        } else {
            LabDir::existing(self.name.clone()).into_iter().collect()
        };
        if dirs.is_empty() {
            out.note(&if self.all {
                "No labs found.".to_owned()
            } else {
                format!("There is no lab {:?}.", self.name.as_str())
            });
        }
        let mut failed = None;
        for dir in dirs {
            match lab::down(&dir) {
                Ok(()) => out.note(&format!("Lab {} is down.", dir.name())),
                Err(error) => {
                    if let Some(earlier) = failed.replace(Error::from(error)) {
                        out.error(&earlier);
                    }
                }
            }
        }
        failed.map_or(Ok(Answer::Yes), Err)
    }
}
