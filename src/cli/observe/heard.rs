//! The flows of several agents as they come, for those who only count or compare.

use futures::future;

use super::place::Flows;
use crate::{
    cli::{
        cluster::{AgentPod, Cluster},
        error::Error,
    },
    flows::Request,
    hubble::flow::Flow,
};

/// What is heard of a node.
pub(crate) enum Heard<'a> {
    /// A flow; those of several nodes are in no order.
    Flow(&'a Flow),
    /// Some flows before this moment were not heard, as this says.
    Lost(String),
    /// Nothing more is heard, for this reason.
    Ended(String),
}

/// Follows the flows of all agents until the last stream ends. A stream that breaks off is not taken up again: what
/// is missing would not be known.
///
/// # Errors
/// When the agents cannot be asked, or there are none.
pub(crate) async fn hear(
    cluster: &Cluster,
    nodes: &[String],
    request: &Request,
    tell: impl Fn(&str, Heard<'_>),
) -> Result<(), Error> {
    let agents = cluster.agents(nodes).await?;
    let tell = &tell;
    let each = agents.into_iter().map(|AgentPod { node, pod }| async move {
        let reason = match follow(cluster, (&node, pod), request, tell).await {
            Ok(()) => "the agent ended the stream of its flows".to_owned(),
            Err(error) => error.chain().join(": "),
        };
        tell(&node, Heard::Ended(reason));
    });
    future::join_all(each).await;
    Ok(())
}

async fn follow(
    cluster: &Cluster,
    (node, pod): (&str, Result<String, String>),
    request: &Request,
    tell: &impl Fn(&str, Heard<'_>),
) -> Result<(), Error> {
    let mut flows = Flows::of_pod(cluster, node, pod, request).await?;
    while let Some(message) = flows.next().await? {
        if let Some(flow) = message.flow() {
            tell(node, Heard::Flow(flow));
        }
        if let Some(lost) = message.lost() {
            let reason = format!("{} events were lost before they were told", lost.num_events_lost);
            tell(node, Heard::Lost(reason));
        }
    }
    Ok(())
}
