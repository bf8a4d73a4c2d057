//! Streams of flows, wherever they come from.

use std::path::Path;

use crate::{
    api::{
        Client, FlowLines,
        hubble::{Server, ServerFlows},
    },
    cli::{
        cluster::{Cluster, ClusterError, Lines},
        error::Error,
    },
    flows::Request,
    hubble::observer::GetFlowsResponse,
};

/// The command that the agents' pods run.
const COMMAND: &[&str] = &["observe"];

/// Who answers.
#[derive(Clone)]
pub(super) enum Place<'a> {
    /// The agent that serves this socket.
    Node(&'a Path),
    /// A Hubble server at an address.
    Server(&'a Server),
    /// The agent of a node of a cluster, in whichever pod it is.
    Agent { cluster: &'a Cluster, node: String },
}

/// An answer as it comes in.
pub(super) enum Flows {
    Node(FlowLines),
    Server(ServerFlows),
    Agent(Box<Lines>),
}

impl Place<'_> {
    /// Asks.
    ///
    /// # Errors
    /// When nobody answers.
    pub(super) async fn open(&self, request: &Request) -> Result<Flows, Error> {
        match self {
            Self::Node(socket) => {
                Ok(Flows::Node(Client::connect(socket).await?.flows(request).await?))
            }
            Self::Server(server) => Ok(Flows::Server(server.flows(request).await?)),
            Self::Agent { cluster, node } => {
                let agents = cluster.agents(std::slice::from_ref(node)).await?;
                let absent = || Err("no agent pod runs on the node".to_owned());
                let pod = agents.into_iter().next().map_or_else(absent, |agent| agent.pod);
                Ok(Flows::of_pod(cluster, node, pod, request).await?)
            }
        }
    }

    /// Returns how messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Node(_) => "the agent".to_owned(),
            Self::Server(server) => format!("the server at {}", server.address()),
            Self::Agent { node, .. } => format!("the agent of node {node}"),
        }
    }
}

impl Flows {
    /// Asks the agent in a pod.
    ///
    /// # Errors
    /// When it is in none, or the command cannot be run there.
    pub(super) async fn of_pod(
        cluster: &Cluster,
        node: &str,
        pod: Result<String, String>,
        request: &Request,
    ) -> Result<Self, ClusterError> {
        let pod = pod.map_err(|reason| ClusterError::Failed { node: node.to_owned(), reason })?;
        let flags = [
            "--output".to_owned(),
            "json".to_owned(),
            "--request".to_owned(),
            serde_json::to_string(request).expect("requests have text keys only"),
        ];
        let lines = cluster.stream(node, &pod, COMMAND, &flags).await?;
        Ok(Self::Agent(Box::new(lines)))
    }

    /// Returns the next message; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks or an answer makes no sense.
    pub(super) async fn next(&mut self) -> Result<Option<GetFlowsResponse>, Error> {
        match self {
            Self::Node(lines) => Ok(lines.next().await?),
            Self::Server(flows) => Ok(flows.next().await?),
            Self::Agent(lines) => {
                let Some(line) = lines.next().await? else { return Ok(None) };
                let message = serde_json::from_str(&line).map_err(|error| ClusterError::Failed {
                    node: lines.node().to_owned(),
                    reason: format!("its answer makes no sense: {error}"),
                });
                Ok(Some(message?))
            }
        }
    }
}
