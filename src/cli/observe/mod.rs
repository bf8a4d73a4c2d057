//! `skep observe`.

use super::{error::Error, exit::Answer, output::Output, source::SourceArgs};

/// Show flows
///
/// Shows what happened to packets, with the pods behind the addresses.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep observe --follow")]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

impl Args {
    pub(crate) fn run(self, _: &Output) -> Result<Answer, Error> {
        Ok(Answer::Yes)
    }
}
