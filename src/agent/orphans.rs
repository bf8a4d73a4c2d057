//! Ending connections to backends that are gone.

use std::{collections::BTreeSet, io, net::IpAddr, sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{info, warn};

use super::{error::AgentError, shared::Agent, upkeep::blocking};
use crate::kernel::{NetNs, SocketKind, abort_connections};

/// Pods of other nodes may be known for a moment after they are gone.
const TICK: Duration = Duration::from_secs(1);

/// Aborts connections of this node's pods and of the node itself to backends that are gone, for ever.
///
/// A connection that was made to a backend knows no service any more: without this it would wait for as long
/// as TCP sends again, a quarter of an hour.
pub(super) async fn cut(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    loop {
        agent.balancer.bereft().await;
        let gone = agent.balancer.orphans(|address| is_there(&agent, address));
        if !gone.is_empty() {
            let agent = Arc::clone(&agent);
            blocking(move || {
                cut_all(&agent, &gone);
                Ok(())
            })
            .await?;
        }
        sleep(TICK).await;
    }
}

fn is_there(agent: &Agent, address: IpAddr) -> bool {
    agent.endpoints.by_address(address).is_some() || agent.cluster().peer(address).is_some()
}

fn cut_all(agent: &Agent, gone: &BTreeSet<IpAddr>) {
    let here = |kind| tell("this node", abort_connections(kind, gone));
    // Sockets of UDP are connected to backends only for what a node sends to itself.
    let mut aborted = here(SocketKind::Tcp) + here(SocketKind::Udp);
    for record in agent.endpoints.records() {
        let Ok(netns) = NetNs::open(&record.netns) else { continue };
        if netns.inode() == record.netns_inode
            && let Ok(outcome) = netns.run(|| abort_connections(SocketKind::Tcp, gone))
        {
            aborted += tell(&record.netns, outcome);
        }
    }
    if aborted > 0 {
        info!(aborted, backends = ?gone, "connections to backends that are gone are ended");
    }
}

fn tell(place: &str, outcome: io::Result<usize>) -> usize {
    outcome.unwrap_or_else(|error| {
        warn!(%error, place, "connections to backends that are gone cannot be ended");
        0
    })
}
