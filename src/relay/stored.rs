//! Stored flows of all nodes: exactly in order of time, one flow of each node in memory.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    ops::ControlFlow,
};

use jiff::Timestamp;
use tokio::{sync::mpsc::Sender, time::timeout};
use tonic::{Status, Streaming};

use super::{
    node::PATIENCE,
    told::{Errors, tell},
};
use crate::hubble::{
    observer::{GetFlowsRequest, GetFlowsResponse},
    relay::NodeState,
};

/// Largest number of newest flows that is cut over all nodes; more are counted by node.
const MOST_KEPT: u64 = 10_000;

/// Where answers go; closed when the client has left.
pub(super) type Out = Sender<Result<GetFlowsResponse, Status>>;

/// A node's stored flows.
pub(super) type NodeFlows = (String, Streaming<GetFlowsResponse>);

/// The client has left.
#[derive(Debug)]
pub(super) struct Left;

pub(super) async fn send(out: &Out, message: GetFlowsResponse) -> Result<(), Left> {
    out.send(Ok(message)).await.map_err(|_| Left)
}

/// The first, the newest, or all of the flows that pass by.
pub(super) enum Cut {
    First(u64),
    Last(usize, VecDeque<GetFlowsResponse>),
    All,
}

impl Cut {
    fn of(request: &GetFlowsRequest) -> Self {
        match request.number {
            0 => Self::All,
            number if request.first => Self::First(number),
            number if number <= MOST_KEPT => {
                Self::Last(usize::try_from(number).unwrap_or(usize::MAX), VecDeque::new())
            }
            _ => Self::All,
        }
    }

    /// The same where nodes do not count for themselves: never more than there is room for.
    pub(super) fn within(request: &GetFlowsRequest) -> Self {
        match Self::of(request) {
            Self::All if request.number > MOST_KEPT => {
                Self::Last(usize::try_from(MOST_KEPT).unwrap_or(usize::MAX), VecDeque::new())
            }
            cut => cut,
        }
    }

    /// Takes the next answer, and sends what can go; what is no flow passes. Breaks when no more is wanted.
    pub(super) async fn add(
        &mut self,
        message: GetFlowsResponse,
        out: &Out,
    ) -> Result<ControlFlow<()>, Left> {
        if message.flow().is_none() {
            send(out, message).await?;
            return Ok(ControlFlow::Continue(()));
        }
        match self {
            Self::All => send(out, message).await?,
            Self::First(0) => return Ok(ControlFlow::Break(())),
            Self::First(left) => {
                *left -= 1;
                send(out, message).await?;
            }
            Self::Last(count, kept) => {
                kept.push_back(message);
                if kept.len() > *count {
                    kept.pop_front();
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Sends what was kept back.
    pub(super) async fn end(self, out: &Out) -> Result<(), Left> {
        if let Self::Last(_, kept) = self {
            for message in kept {
                send(out, message).await?;
            }
        }
        Ok(())
    }
}

/// Merges until all nodes are done or enough has passed. A node that stalls is an error, and out.
pub(super) async fn merge(
    request: &GetFlowsRequest,
    mut nodes: Vec<NodeFlows>,
    errors: &mut Errors,
    out: &Out,
) -> Result<(), Left> {
    let mut cut = Cut::of(request);
    let mut heads: BinaryHeap<Reverse<(Timestamp, usize)>> = BinaryHeap::new();
    let mut held: Vec<Option<GetFlowsResponse>> = vec![None; nodes.len()];
    let mut refill: Vec<usize> = (0..nodes.len()).collect();
    loop {
        for at in refill.drain(..) {
            if let Some(message) = next(&mut nodes[at], errors, out).await? {
                heads.push(Reverse((message.moment(), at)));
                held[at] = Some(message);
            }
        }
        let Some(Reverse((_, at))) = heads.pop() else { break };
        let Some(message) = held[at].take() else { continue };
        refill.push(at);
        if cut.add(message, out).await?.is_break() {
            break;
        }
    }
    cut.end(out).await
}

/// Takes the next flow of a node; what else it says passes at once.
async fn next(
    (name, flows): &mut NodeFlows,
    errors: &mut Errors,
    out: &Out,
) -> Result<Option<GetFlowsResponse>, Left> {
    loop {
        let failure = match timeout(PATIENCE, flows.message()).await {
            Ok(Ok(Some(message))) if message.flow().is_some() => return Ok(Some(message)),
            Ok(Ok(Some(message))) => {
                send(out, message).await?;
                continue;
            }
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(status)) => status.message().to_owned(),
            Err(_) => format!("no flow within {} s", PATIENCE.as_secs()),
        };
        errors.add(name.clone(), failure, tokio::time::Instant::now());
        return Ok(None);
    }
}

/// Tells which nodes answer and which do not, connected ones first.
pub(super) async fn introduce(
    connected: Vec<String>,
    unavailable: Vec<(String, String)>,
    out: &Out,
) -> Result<(), Left> {
    if !connected.is_empty() {
        send(out, tell(NodeState::NodeConnected, connected, String::new())).await?;
    }
    let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
    for (node, reason) in unavailable {
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, nodes)) => nodes.push(node),
            None => by_reason.push((reason, vec![node])),
        }
    }
    for (reason, nodes) in by_reason {
        send(out, tell(NodeState::NodeUnavailable, nodes, reason)).await?;
    }
    Ok(())
}
