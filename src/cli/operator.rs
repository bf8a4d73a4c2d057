//! `skep operator`.

use super::{
    error::Error,
    exit::Answer,
    output::Output,
    runtime::{self, Threads},
};
use crate::config::OperatorArgs;

/// Run the operator
///
/// Does what a cluster needs once: collects identities that nobody uses. Several may run; a Lease
/// in kube-system elects the one that works.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep operator --kubeconfig /etc/kubernetes/admin.conf")]
pub(crate) struct Args {
    #[command(flatten)]
    settings: OperatorArgs,
}

impl Args {
    pub(crate) fn run(self, _: &Output) -> Result<Answer, Error> {
        let config = self.settings.resolve()?;
        runtime::serve(Threads::One, |_| async move {
            crate::operator::run(config).await?;
            Ok(Answer::Yes)
        })
    }
}
