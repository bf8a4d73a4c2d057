//! Streams that go to clients. A client that is gone drops its stream, and with it its seat.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, future, stream, stream::BoxStream};
use jiff::Timestamp;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{agent_events::Dated, mask::Mask};
use crate::{
    flows::{Observed, Subscription},
    hubble::observer::{GetAgentEventsResponse, GetFlowsResponse},
};

/// Ends a stream with an error when the server ends, so that clients do not take it for the end of flows.
pub(super) fn ends<T: Send + 'static>(
    stream: impl Stream<Item = Result<T, Status>> + Send + 'static,
    cancel: CancellationToken,
) -> BoxStream<'static, Result<T, Status>> {
    let end = cancel.clone().cancelled_owned();
    let last = stream::once(future::lazy(move |_| {
        cancel.is_cancelled().then(|| Err(Status::unavailable("the server ends")))
    }));
    stream.take_until(end).chain(last.filter_map(future::ready)).boxed()
}

/// Answers about flows, pruned by a mask.
pub(super) fn flows(
    subscription: Subscription,
    mask: Option<Mask>,
    node_name: String,
) -> impl Stream<Item = Result<GetFlowsResponse, Status>> + Send {
    stream::unfold((subscription, mask, node_name), async |(mut flows, mask, node_name)| {
        let mut observed = flows.next().await?;
        if let (Observed::Flow(flow), Some(mask)) = (&mut observed, &mask) {
            **flow = mask.prune(flow);
        }
        Some((Ok(observed.into_response(node_name.clone())), (flows, mask, node_name)))
    })
}

/// Stored events of the agent, then new ones if followed.
pub(super) fn agent_events(
    stored: VecDeque<Dated>,
    live: Option<broadcast::Receiver<Dated>>,
    until: Option<Timestamp>,
    node_name: String,
) -> impl Stream<Item = Result<GetAgentEventsResponse, Status>> + Send {
    let live = live.map(|live| {
        stream::unfold(live, async |mut live| {
            loop {
                match live.recv().await {
                    Ok(event) => return Some((event, live)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    });
    let live = stream::iter(live).flatten().take_until(moment(until));
    stream::iter(stored).chain(live).map(move |(at, event)| {
        Ok(GetAgentEventsResponse {
            agent_event: Some(Arc::unwrap_or_clone(event)),
            node_name: node_name.clone(),
            time: Some(at.into()),
        })
    })
}

/// Waits for a moment; for ever if there is none.
pub(super) async fn moment(time: Option<Timestamp>) {
    let Some(time) = time else { return future::pending().await };
    let left = time.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(left).unwrap_or(Duration::ZERO)).await;
}
