//! `skep connectivity serve`, which the test's pods run.

use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        runtime::{self, Threads},
    },
    connectivity::serve,
};

/// Serve the connectivity test
///
/// Gives bytes back as they came, over TCP and UDP in both families, and tells HTTP clients whom
/// it saw. The pods of `skep connectivity test` run it; it is useful by hand, too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep connectivity serve --port 24240")]
pub(crate) struct Args {
    /// Port to listen on, TCP and UDP
    #[arg(long, value_name = "PORT", default_value_t = serve::PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Name to answer with
    #[arg(long, value_name = "NAME", default_value = "skep")]
    name: String,
    /// Serve SCTP at the same port, too
    ///
    /// By a raw socket, so that no kernel needs SCTP; nothing else in the pod, or on the node, may speak it then.
    #[arg(long)]
    sctp: bool,
    /// Go on serving when told to end, until killed
    #[arg(long)]
    linger: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        runtime::serve(Threads::One, |shutdown| async move {
            let end = if self.linger { CancellationToken::new() } else { shutdown };
            serve::serve(&self.name, self.port, self.sctp, end).await?;
            Ok(Answer::Yes)
        })
    }
}
