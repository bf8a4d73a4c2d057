//! `skep agent`.

use super::{
    error::Error,
    exit::Answer,
    output::Output,
    runtime::{self, Threads},
};
use crate::config::AgentArgs;

/// Run the node agent
///
/// Drives the datapath of this node: pods, identities, routes, flow events. Runs until SIGTERM;
/// traffic goes on when it ends. Every flag is also a SKEP_* variable and a key of
/// /etc/skep/config.yaml; flags win over variables, which win over the file.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Example:\n  skep agent --node-name worker-1 --kubeconfig /etc/kubernetes/kubelet.conf"
)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: AgentArgs,
}

/// Reading events, the Kubernetes client and the CNI server must not wait for one another.
const WORKERS: usize = 2;

impl Args {
    pub(crate) fn run(self, _: &Output) -> Result<Answer, Error> {
        let config = self.settings.resolve()?;
        runtime::serve(Threads::Many(WORKERS), |cancel| async move {
            crate::agent::run(config, cancel).await?;
            Ok(Answer::Yes)
        })
    }
}
