//! Whom a question goes to: the agent of this node, or those of a cluster.

use std::path::PathBuf;

use crate::api::{Client, ClientError, List, Listed};

/// Flags that say whom to ask.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Whom to ask")]
pub(crate) struct SourceArgs {
    /// Ask the agent of this node, never a cluster
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "node"])]
    local: bool,
    /// Directory of the agent's sockets
    #[arg(long, env = "SKEP_RUN_DIR", value_name = "DIR", default_value = "/run/skep")]
    run_dir: PathBuf,
    /// Kubeconfig file of the cluster to ask
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Ask the agent of this node only; may be repeated
    #[arg(long, value_name = "NODE")]
    node: Vec<String>,
}

impl SourceArgs {
    /// Asks for a list of one kind.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub(crate) async fn list<T: Listed>(&self) -> Result<List<T>, ClientError> {
        let mut client = Client::connect(&self.run_dir.join("agent.sock")).await?;
        client.list().await
    }
}
