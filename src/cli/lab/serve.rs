//! `skep lab serve`, which `skep lab up` starts.

use super::name::NameArgs;
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        runtime::{self, Threads},
    },
    lab,
};

/// Requests, controllers and kubelets must not wait for one another.
const WORKERS: usize = 4;

/// Run a lab's API server, controllers and kubelets
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab serve --name skep")]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        runtime::serve(Threads::Many(WORKERS), |shutdown| async move {
            lab::serve(dir, shutdown).await?;
            Ok(Answer::Yes)
        })
    }
}
