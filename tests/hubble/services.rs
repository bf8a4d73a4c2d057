//! Everything but flows.

use std::{collections::BTreeMap, sync::Arc};

use skep::{
    api::hubble::Peer,
    hubble::{
        flow::{AgentEvent, AgentEventType},
        observer::{
            GetAgentEventsRequest, GetDebugEventsRequest, GetFlowsRequest, GetNamespacesRequest,
            GetNodesRequest, ServerStatusRequest,
        },
        peer::{ChangeNotificationType, NotifyRequest, peer_client::PeerClient},
        relay::NodeState,
    },
};
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

use crate::node::{Node, event};

#[tokio::test]
async fn status_nodes_and_namespaces_are_the_nodes_own() {
    let node = Node::start().await;
    node.observer.push((1..=5).map(event));
    let mut client = node.client().await;
    let status = client.server_status(ServerStatusRequest {}).await.expect("an answer");
    let version = status.metadata().get("hubble-server-version").expect("a version");
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let status = status.into_inner();
    assert_eq!((status.num_flows, status.seen_flows, status.max_flows), (5, 5, 8192));
    assert!(status.uptime_ns > 0 && status.flows_rate > 0.0, "{status:?}");
    assert_eq!(status.num_connected_nodes, None, "only a relay has nodes");
    let nodes = client.get_nodes(GetNodesRequest {}).await.expect("an answer").into_inner().nodes;
    let [own] = nodes.as_slice() else { panic!("{nodes:?}") };
    assert_eq!((own.name.as_str(), own.state()), ("default/n1", NodeState::NodeConnected));
    let answer = client.get_namespaces(GetNamespacesRequest {}).await.expect("an answer");
    let names: Vec<_> = answer.into_inner().namespaces.into_iter().map(|n| n.namespace).collect();
    assert_eq!(names, ["back", "shop"]);
    let refused = GetFlowsRequest { first: true, follow: true, ..GetFlowsRequest::default() };
    let refused = client.get_flows(refused).await.expect_err("refused");
    assert!(refused.metadata().contains_key("hubble-server-version"), "errors carry it, too");
}

#[tokio::test]
async fn events_of_the_agent_begin_with_its_start() {
    let node = Node::start().await;
    let mut client = node.client().await;
    let request = GetAgentEventsRequest { number: 1, follow: true, ..Default::default() };
    let mut events = client.get_agent_events(request).await.expect("a stream").into_inner();
    let kind = AgentEventType::IpcacheUpserted.into();
    let news = AgentEvent { r#type: kind, notification: None };
    node.events.push(jiff::Timestamp::now(), news);
    for expected in [AgentEventType::AgentStarted, AgentEventType::IpcacheUpserted] {
        let answer = events.message().await.expect("an answer").expect("no end");
        assert_eq!(answer.node_name, "default/n1");
        assert_eq!(answer.agent_event.expect("an event").r#type(), expected);
    }
    let mut debug = client.get_debug_events(GetDebugEventsRequest::default()).await.expect("one");
    assert!(debug.get_mut().message().await.expect("an answer").is_none(), "there are none");
}

#[tokio::test]
async fn relays_hear_of_peers_and_of_their_changes() {
    let node = Node::start().await;
    let mut client = PeerClient::new(node.channel().await);
    let mut changes = client.notify(NotifyRequest {}).await.expect("a stream").into_inner();
    let first = changes.message().await.expect("an answer").expect("no end");
    assert_eq!((first.name.as_str(), first.r#type()), ("n1", ChangeNotificationType::PeerAdded));
    assert_eq!((first.address.as_str(), first.tls), ("172.31.0.11:4244", None));
    let peer = |address: &str| Peer { address: address.into(), tls: None };
    for (peers, expected) in [
        (vec![("n1", "new"), ("n2", "b")], vec!["n1 PEER_UPDATED new", "n2 PEER_ADDED b"]),
        (vec![("n2", "b")], vec!["n1 PEER_DELETED new"]),
    ] {
        let peers: BTreeMap<_, _> =
            peers.into_iter().map(|(name, address)| (name.to_owned(), peer(address))).collect();
        node.peers.send_replace(Arc::new(peers));
        for line in expected {
            let change = changes.message().await.expect("an answer").expect("no end");
            let kind = change.r#type().as_str_name();
            assert_eq!(format!("{} {kind} {}", change.name, change.address), line);
        }
    }
}

#[tokio::test]
async fn health_answers_for_the_observer_only_by_name() {
    let node = Node::start().await;
    let mut client = HealthClient::new(node.channel().await);
    let mut check = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        client.check(request).await.map(|answer| answer.into_inner().status)
    };
    assert_eq!(check("hubble.server.Observer").await.expect("an answer"), 1, "SERVING");
    assert_eq!(check("nobody").await.expect_err("unknown").code(), Code::NotFound);
}

#[tokio::test]
async fn both_versions_of_reflection_list_the_services() {
    let node = Node::start().await;
    macro_rules! services {
        ($version:ident) => {{
            use $version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut client = ServerReflectionClient::new(node.channel().await);
            let request = Request::new(futures::stream::iter([request]));
            let answer = client.server_reflection_info(request).await.expect("a stream");
            let answer = answer.into_inner().message().await.expect("an answer").expect("one");
            match answer.message_response {
                Some(MessageResponse::ListServicesResponse(list)) => {
                    list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            }
        }};
    }
    for services in [services!(v1), services!(v1alpha)] {
        for name in ["observer.Observer", "peer.Peer", "grpc.health.v1.Health"] {
            assert!(services.iter().any(|service| service == name), "{name} in {services:?}");
        }
    }
}
