//! What an agent must be able to tell.

use super::{
    BpfAffinity, BpfBackend, BpfEndpoint, BpfFrontend, BpfMaglev, BpfNode, BpfPolicy, BpfRevNat,
    Connection, ConnectionFilter, Endpoint, Finding, Flushed, Identity, IpcacheEntry, Metric, Node,
    NodeStatus, Policy, Service, ServiceExplanation, ServiceQuestion,
};
use crate::maps::MapError;

/// The questions that the admin API passes on. Answers are snapshots.
///
/// Methods are called on a thread that may block. The `bpf_*` ones read the kernel's maps, not
/// what the agent believes to be in them: [`BpfEndpoint::list`] and its siblings turn a
/// [`crate::maps::MapStore`] into answers.
pub trait Inspect: Send + Sync + 'static {
    /// Returns the name of the node.
    fn node_name(&self) -> String;

    /// Returns how the agent is.
    fn status(&self) -> NodeStatus;

    /// Returns the endpoints of the node.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// Returns the known identities, reserved ones included.
    fn identities(&self) -> Vec<Identity>;

    /// Returns the known nodes.
    fn nodes(&self) -> Vec<Node>;

    /// Returns the policies as this node has them.
    fn policies(&self) -> Vec<Policy>;

    /// Returns the services as this node has them.
    ///
    /// # Errors
    /// While they have not all been seen.
    fn services(&self) -> Result<Vec<Service>, InspectError>;

    /// Says what becomes of a client's connections to a service.
    ///
    /// # Errors
    /// While services have not all been seen.
    fn explain_service(
        &self,
        question: &ServiceQuestion,
    ) -> Result<ServiceExplanation, InspectError>;

    /// Compares what should be with what is.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn check(&self) -> Result<Vec<Finding>, InspectError>;

    /// Returns the entries of the endpoint map.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_endpoints(&self) -> Result<Vec<BpfEndpoint>, InspectError>;

    /// Returns the entries of the ipcache.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_ipcache(&self) -> Result<Vec<IpcacheEntry>, InspectError>;

    /// Returns the tracked connections.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_connections(&self) -> Result<Vec<Connection>, InspectError>;

    /// Removes tracked connections.
    ///
    /// # Errors
    /// When the kernel refuses; some may be gone then.
    fn flush_connections(&self, filter: &ConnectionFilter) -> Result<Flushed, InspectError>;

    /// Returns the entries of the node map.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_nodes(&self) -> Result<Vec<BpfNode>, InspectError>;

    /// Returns the policies in the maps.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_policies(&self) -> Result<Vec<BpfPolicy>, InspectError>;

    /// Returns the frontends of services in the maps.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_frontends(&self) -> Result<Vec<BpfFrontend>, InspectError>;

    /// Returns the backends of services in the maps.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_backends(&self) -> Result<Vec<BpfBackend>, InspectError>;

    /// Returns the Maglev tables of frontends in the maps.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_maglev(&self) -> Result<Vec<BpfMaglev>, InspectError>;

    /// Returns the clients that stay with a backend.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_affinity(&self) -> Result<Vec<BpfAffinity>, InspectError>;

    /// Returns what the source of answers becomes.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_revnat(&self) -> Result<Vec<BpfRevNat>, InspectError>;

    /// Returns the datapath's counters, zero ones left out.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn bpf_metrics(&self) -> Result<Vec<Metric>, InspectError>;
}

/// The agent could not answer.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A map could not be read.
    #[error("cannot read the datapath's maps")]
    Map(#[from] MapError),
    /// The agent has not come so far.
    #[error("the agent is still starting")]
    Starting,
}
