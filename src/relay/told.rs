//! What a relay tells of nodes, within the stream of flows.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::hubble::{
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};

/// How long errors of the same kind are gathered before they are told.
const WINDOW: Duration = Duration::from_secs(10);

/// Says how nodes are doing.
pub(super) fn tell(state: NodeState, node_names: Vec<String>, message: String) -> GetFlowsResponse {
    let event = NodeStatusEvent { state_change: state.into(), node_names, message };
    GetFlowsResponse {
        response_types: Some(ResponseTypes::NodeStatus(event)),
        node_name: String::new(),
        time: Some(Timestamp::now().into()),
    }
}

/// Errors of nodes that were not told yet; a hundred nodes with one cause are one message.
#[derive(Debug, Default)]
pub(super) struct Errors {
    gathered: Vec<(String, Vec<String>)>,
    since: Option<Instant>,
}

impl Errors {
    pub(super) fn add(&mut self, node: String, message: String, now: Instant) {
        self.since.get_or_insert(now);
        match self.gathered.iter_mut().find(|(known, _)| *known == message) {
            Some((_, nodes)) if nodes.contains(&node) => {}
            Some((_, nodes)) => nodes.push(node),
            None => self.gathered.push((message, vec![node])),
        }
    }

    /// Returns when they are to be told, if there are some.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.since.map(|since| since + WINDOW)
    }

    /// Takes them all.
    pub(super) fn take(&mut self) -> Vec<GetFlowsResponse> {
        self.since = None;
        let gathered = std::mem::take(&mut self.gathered).into_iter();
        gathered.map(|(message, nodes)| tell(NodeState::NodeError, nodes, message)).collect()
    }
}
