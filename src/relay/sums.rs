//! Answers of all nodes as one.

use std::collections::BTreeSet;

use tonic::Status;

use super::node::Roster;
use crate::hubble::{
    observer::{
        GetNamespacesResponse, GetNodesResponse, Namespace, Node, ServerStatusResponse, Tls,
    },
    relay::NodeState,
};

/// A node's answer, by name.
pub(super) type Answer<T> = (String, Result<T, Status>);

/// Adds up the counters of nodes.
pub(super) fn status(answers: Vec<Answer<ServerStatusResponse>>) -> ServerStatusResponse {
    let mut sum = ServerStatusResponse {
        version: concat!("skep v", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ServerStatusResponse::default()
    };
    let mut connected = 0;
    for (name, answer) in answers {
        let Ok(node) = answer else {
            sum.unavailable_nodes.push(name);
            continue;
        };
        connected += 1;
        sum.num_flows += node.num_flows;
        sum.max_flows += node.max_flows;
        sum.seen_flows += node.seen_flows;
        sum.flows_rate += node.flows_rate;
        sum.uptime_ns = sum.uptime_ns.max(node.uptime_ns);
    }
    sum.num_connected_nodes = Some(connected);
    sum.num_unavailable_nodes = Some(sum.unavailable_nodes.len().try_into().unwrap_or(u32::MAX));
    sum
}

/// Lists the nodes, those that do not answer included.
pub(super) fn nodes(
    roster: &Roster,
    answers: Vec<Answer<ServerStatusResponse>>,
) -> GetNodesResponse {
    let node = |(name, answer): Answer<ServerStatusResponse>| {
        let address = roster.get(&name).map(|target| target.address.clone()).unwrap_or_default();
        let tls = Some(Tls { enabled: false, server_name: String::new() });
        let known = Node { name, address, tls, ..Node::default() };
        match answer {
            Ok(status) => Node {
                version: status.version,
                state: NodeState::NodeConnected.into(),
                uptime_ns: status.uptime_ns,
                num_flows: status.num_flows,
                max_flows: status.max_flows,
                seen_flows: status.seen_flows,
                ..known
            },
            Err(_) => Node { state: NodeState::NodeUnavailable.into(), ..known },
        }
    };
    GetNodesResponse { nodes: answers.into_iter().map(node).collect() }
}

/// Joins the namespaces of nodes, in order; nodes that do not answer have none.
pub(super) fn namespaces(answers: Vec<Answer<GetNamespacesResponse>>) -> GetNamespacesResponse {
    let all = answers.into_iter().filter_map(|(_, answer)| answer.ok());
    let names = all.flat_map(|answer| answer.namespaces);
    let names: BTreeSet<(String, String)> =
        names.map(|Namespace { cluster, namespace }| (cluster, namespace)).collect();
    let namespaces =
        names.into_iter().map(|(cluster, namespace)| Namespace { cluster, namespace }).collect();
    GetNamespacesResponse { namespaces }
}
