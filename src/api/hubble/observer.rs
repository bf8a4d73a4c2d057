//! `observer.Observer` of a node.

use std::sync::Arc;

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    agent_events::AgentEvents,
    peers::Peers,
    question::{FlowQuestion, Span, refused},
    stream::{agent_events, ends, flows, moment},
};
use crate::{
    flows::Observer,
    hubble::{
        observer::{
            self as api, GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest,
            GetDebugEventsResponse, GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest,
            GetNamespacesResponse, GetNodesRequest, GetNodesResponse, Namespace,
            ServerStatusRequest, ServerStatusResponse, observer_server,
        },
        relay::NodeState,
    },
};

/// What is served.
#[derive(Clone)]
pub struct Node {
    /// The node's flows.
    pub observer: Arc<Observer>,
    /// What happens to its agent.
    pub events: Arc<AgentEvents>,
    /// The nodes that it knows.
    pub peers: watch::Receiver<Peers>,
    /// Where others reach it.
    pub address: String,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The service, until it is cancelled.
pub(super) struct ObserverService {
    pub(super) node: Node,
    pub(super) cancel: CancellationToken,
}

impl ObserverService {
    fn node_name(&self) -> String {
        self.node.observer.node_name()
    }
}

/// A stream of answers.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl observer_server::Observer for ObserverService {
    type GetFlowsStream = Answers<GetFlowsResponse>;
    type GetAgentEventsStream = Answers<GetAgentEventsResponse>;
    type GetDebugEventsStream = Answers<GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        let FlowQuestion { request, mask } = request.into_inner().try_into()?;
        let subscription =
            self.node.observer.subscribe(&request).map_err(|error| refused(&error))?;
        let flows = flows(subscription, mask, self.node_name());
        Ok(Response::new(ends(flows, self.cancel.clone())))
    }

    async fn get_agent_events(
        &self,
        request: Request<GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        let asked = request.into_inner();
        let span = Span::of(asked.number, (asked.first, asked.follow), asked.since, asked.until)?;
        let (stored, live) = self.node.events.read(&span);
        let live = asked.follow.then_some(live);
        let events = agent_events(stored, live, span.until, self.node_name());
        Ok(Response::new(ends(events, self.cancel.clone())))
    }

    /// The datapath has no such events, so a follower waits for the end.
    async fn get_debug_events(
        &self,
        request: Request<GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        let asked = request.into_inner();
        let span = Span::of(asked.number, (asked.first, asked.follow), asked.since, asked.until)?;
        if !asked.follow {
            return Ok(Response::new(stream::empty().boxed()));
        }
        let nothing = stream::pending().take_until(moment(span.until));
        Ok(Response::new(ends(nothing, self.cancel.clone())))
    }

    async fn get_nodes(
        &self,
        _: Request<GetNodesRequest>,
    ) -> Result<Response<GetNodesResponse>, Status> {
        let stats = self.node.observer.stats();
        let node = api::Node {
            name: self.node_name(),
            version: version(),
            address: self.node.address.clone(),
            state: NodeState::NodeConnected.into(),
            tls: Some(api::Tls { enabled: false, server_name: String::new() }),
            uptime_ns: nanoseconds(stats.uptime),
            num_flows: stats.stored as u64,
            max_flows: stats.room as u64,
            seen_flows: stats.seen,
        };
        Ok(Response::new(GetNodesResponse { nodes: vec![node] }))
    }

    async fn get_namespaces(
        &self,
        _: Request<GetNamespacesRequest>,
    ) -> Result<Response<GetNamespacesResponse>, Status> {
        let observer = &self.node.observer;
        let cluster = observer.cluster();
        let named = |namespace| Namespace { cluster: cluster.to_owned(), namespace };
        let namespaces = observer.namespaces().into_iter().map(named).collect();
        Ok(Response::new(GetNamespacesResponse { namespaces }))
    }

    async fn server_status(
        &self,
        _: Request<ServerStatusRequest>,
    ) -> Result<Response<ServerStatusResponse>, Status> {
        let stats = self.node.observer.stats();
        Ok(Response::new(ServerStatusResponse {
            num_flows: stats.stored as u64,
            max_flows: stats.room as u64,
            seen_flows: stats.seen,
            uptime_ns: nanoseconds(stats.uptime),
            version: version(),
            flows_rate: stats.rate,
            // Only a relay has nodes.
            ..ServerStatusResponse::default()
        }))
    }
}

fn version() -> String {
    concat!("skep v", env!("CARGO_PKG_VERSION")).to_owned()
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
