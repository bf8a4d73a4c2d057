//! Whom a question goes to: the agent of this node, or those of a cluster.

use std::{
    env,
    path::{Path, PathBuf},
};

use futures::{StreamExt, stream};

use super::{
    cluster::{AgentPod, Cluster, ClusterError, default_kubeconfig},
    error::Error,
    output::Columns,
};
use crate::api::{Client, ClientError, List, Listed, Located};

/// Agents that are asked at a time.
const PARALLEL: usize = 16;

/// Flags that say which cluster is meant.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Whom to ask")]
pub(crate) struct ClusterArgs {
    /// Kubeconfig file of the cluster to ask
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Namespace of the agents' pods
    #[arg(
        long,
        env = "SKEP_NAMESPACE",
        hide_env_values = true,
        value_name = "NAMESPACE",
        default_value = "kube-system"
    )]
    skep_namespace: String,
}

impl ClusterArgs {
    /// Returns the flags that were given, as words.
    pub(crate) fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(file) = &self.kubeconfig {
            flags.extend(["--kubeconfig".to_owned(), file.display().to_string()]);
        }
        if let Some(context) = &self.context {
            flags.extend(["--context".to_owned(), context.clone()]);
        }
        flags
    }

    /// Makes a client. Sends nothing yet.
    ///
    /// # Errors
    /// When the kubeconfig is unusable.
    pub(crate) async fn connect(&self) -> Result<Cluster, ClusterError> {
        let (file, context) = (self.kubeconfig.as_deref(), self.context.as_deref());
        Cluster::connect(file, context, &self.skep_namespace).await
    }

    /// Makes a client for a process in a pod: without flags, that of its service account.
    ///
    /// # Errors
    /// When there is no service account, or the kubeconfig is unusable.
    pub(crate) async fn connect_in_pod(&self) -> Result<Cluster, ClusterError> {
        if self.kubeconfig.is_some() || self.context.is_some() {
            return self.connect().await;
        }
        Cluster::around(&self.skep_namespace)
    }
}

/// Flags that say whom to ask.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Whom to ask")]
pub(crate) struct SourceArgs {
    /// Ask the agent of this node, never a cluster
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "node"])]
    local: bool,
    /// Directory of the agent's sockets
    #[arg(
        long,
        env = "SKEP_RUN_DIR",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "/run/skep"
    )]
    run_dir: PathBuf,
    /// Ask the agent of this node only; may be repeated
    #[arg(long, value_name = "NODE")]
    node: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Whom to ask.
pub(crate) enum Source {
    /// The agent that serves this socket.
    Node(PathBuf),
    /// The agents of a cluster.
    Cluster {
        /// How to reach them.
        cluster: Cluster,
        /// Which of them; none = all.
        nodes: Vec<String>,
    },
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    /// The items of all who answered.
    pub(crate) items: Vec<Located<T>>,
    /// Those who did not.
    pub(crate) failures: Vec<Failure>,
    /// How many were asked, when a cluster was; a node asked directly needs no name.
    pub(crate) asked: Option<usize>,
}

/// An agent that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// Its node.
    pub(crate) node_name: String,
    /// Why.
    pub(crate) reason: String,
}

impl SourceArgs {
    /// Decides whom to ask: what the flags say, then the cluster of $KUBECONFIG, then this node's
    /// agent when its socket is there, then the cluster that kubectl would use.
    ///
    /// # Errors
    /// When the kubeconfig is unusable.
    pub(crate) async fn open(&self) -> Result<Source, Error> {
        if self.is_here() {
            return Ok(Source::Node(self.run_dir.join("agent.sock")));
        }
        let cluster = self.cluster.connect().await?;
        Ok(Source::Cluster { cluster, nodes: self.node.clone() })
    }

    /// Returns whom the flags name, in words.
    pub(crate) fn place(&self) -> String {
        match self.node.as_slice() {
            [] if self.is_here() => "this node".to_owned(),
            [] => "every node of the cluster".to_owned(),
            [node] => format!("node {node}"),
            nodes => format!("nodes {}", nodes.join(", ")),
        }
    }

    /// Tells whether no cluster is asked.
    fn is_here(&self) -> bool {
        let ClusterArgs { kubeconfig, context, .. } = &self.cluster;
        let asked = kubeconfig.is_some() || context.is_some() || !self.node.is_empty();
        let chosen = env::var_os("KUBECONFIG").is_some_and(|paths| !paths.is_empty());
        let socket = self.run_dir.join("agent.sock");
        let here = (is_there(&socket) && !chosen) || default_kubeconfig().is_none();
        self.local || (here && !asked)
    }
}

/// A socket that may not be looked at is there.
fn is_there(socket: &Path) -> bool {
    socket.try_exists().unwrap_or(true)
}

impl Source {
    /// Asks for a list of one kind.
    ///
    /// # Errors
    /// When nobody can be asked; of several agents those that fail are part of the answer.
    pub(crate) async fn list<T: Columns>(&self) -> Result<Answers<T>, Error> {
        self.ask(T::COMMAND, async |client| client.list().await).await
    }

    /// Asks by a command what `direct` asks of the agent of this node.
    ///
    /// # Errors
    /// When nobody can be asked; of several agents those that fail are part of the answer.
    pub(crate) async fn ask<T: Listed>(
        &self,
        command: &[&str],
        direct: impl AsyncFnOnce(&mut Client) -> Result<List<T>, ClientError>,
    ) -> Result<Answers<T>, Error> {
        match self {
            Self::Node(socket) => {
                let mut client = Client::connect(socket).await?;
                let items = direct(&mut client).await?.items;
                Ok(Answers { items, failures: Vec::new(), asked: None })
            }
            Self::Cluster { cluster, nodes } => {
                let agents = cluster.agents(nodes).await?;
                Ok(ask(cluster, agents, command).await)
            }
        }
    }
}

/// Asks the agents of `nodes`, or all, for a list of one kind.
///
/// # Errors
/// When nobody can be asked; of several agents those that fail are part of the answer.
pub(crate) async fn list<T: Columns>(
    cluster: &Cluster,
    nodes: &[String],
) -> Result<Answers<T>, Error> {
    let agents = cluster.agents(nodes).await?;
    Ok(ask(cluster, agents, T::COMMAND).await)
}

async fn ask<T: Listed>(cluster: &Cluster, agents: Vec<AgentPod>, command: &[&str]) -> Answers<T> {
    let asked = Some(agents.len());
    let answers: Vec<_> = stream::iter(agents)
        .map(|AgentPod { node, pod }| async move {
            let answer = match pod {
                Ok(pod) => cluster.list::<T>(&pod, command).await,
                Err(reason) => Err(reason),
            };
            answer.map_err(|reason| Failure { node_name: node, reason })
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let mut all = Answers { items: Vec::new(), failures: Vec::new(), asked };
    for answer in answers {
        match answer {
            Ok(list) => all.items.extend(list.items),
            Err(failure) => all.failures.push(failure),
        }
    }
    all
}
