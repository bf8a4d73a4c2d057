//! `skep lab dns`, which the cluster's DNS pods run.

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        runtime::{self, Threads},
    },
    lab,
};

/// Serve the names of a cluster
///
/// Watches the Kubernetes API with the pod's service account, and answers for services, their
/// endpoints and pods below cluster.local; everything else is asked at the name servers of
/// /etc/resolv.conf.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep lab dns")]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        runtime::serve(Threads::One, |shutdown| async move {
            lab::cluster_dns(shutdown).await?;
            Ok(Answer::Yes)
        })
    }
}
