//! The nodes of a cluster, each reached through its agent's pod.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    api::hubble::channel,
    cli::cluster::{AgentPod, Cluster, ClusterError},
    relay::{Roster, Target},
};

/// How often the cluster is asked for its agents.
const CHECK: Duration = Duration::from_secs(5);

/// Lists the agents, and again and again until cancelled.
///
/// # Errors
/// When the cluster cannot be asked the first time, or has no agents.
pub(super) async fn keep(
    cluster: Cluster,
    cancel: CancellationToken,
) -> Result<watch::Receiver<Roster>, ClusterError> {
    let cluster = Arc::new(cluster);
    let mut agents = Agents::default();
    agents.update(&cluster, cluster.agents(&[]).await?);
    let roster = watch::Sender::new(agents.roster());
    let nodes = roster.subscribe();
    tokio::spawn(cancel.run_until_cancelled_owned(async move {
        loop {
            sleep(CHECK).await;
            match cluster.agents(&[]).await {
                Ok(now) => {
                    if agents.update(&cluster, now) {
                        roster.send_replace(agents.roster());
                    }
                }
                // The agents that are known go on being asked.
                Err(error) => warn!(error = &error as &dyn std::error::Error, "agents not listed"),
            }
        }
    }));
    Ok(nodes)
}

/// Agents by node; a channel lives as long as its pod.
#[derive(Default)]
struct Agents(BTreeMap<String, (Result<String, String>, Target)>);

impl Agents {
    /// Takes in a list; tells whether something has changed.
    fn update(&mut self, cluster: &Arc<Cluster>, now: Vec<AgentPod>) -> bool {
        let mut changed = false;
        let mut next = BTreeMap::new();
        for AgentPod { node, pod } in now {
            let known = self.0.remove(&node).filter(|(known, _)| *known == pod);
            changed |= known.is_none();
            let agent = known.unwrap_or_else(|| {
                let target = target(cluster, &pod);
                (pod, target)
            });
            next.insert(node, agent);
        }
        changed |= !self.0.is_empty();
        self.0 = next;
        changed
    }

    fn roster(&self) -> Roster {
        let targets = self.0.iter().map(|(node, (_, target))| (node.clone(), target.clone()));
        Arc::new(targets.collect())
    }
}

/// A node without an agent is a node that cannot be reached.
fn target(cluster: &Arc<Cluster>, pod: &Result<String, String>) -> Target {
    let address = pod.as_ref().map_or_else(|_| String::new(), |pod| format!("pod {pod}"));
    let (cluster, pod) = (Arc::clone(cluster), pod.clone());
    let dial = move || {
        let (cluster, pod) = (Arc::clone(&cluster), pod.clone());
        async move {
            let pod = pod.map_err(io::Error::other)?;
            cluster.tunnel(&pod).await.map_err(io::Error::other)
        }
    };
    Target { address, channel: channel(dial) }
}
