//! `skep lab world serve`, which `skep lab up` starts.

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        lab::name::NameArgs,
        runtime::{self, Threads},
    },
    lab,
};

/// Serve the world of a lab: names, web and echo
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab world serve --name skep")]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        runtime::serve(Threads::One, |shutdown| async move {
            lab::serve_world(dir, shutdown).await?;
            Ok(Answer::Yes)
        })
    }
}
