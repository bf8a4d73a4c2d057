//! The relay over several nodes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use skep::{
    api::hubble::{Connector, Door, Peer, Peers, channel, serve_relay},
    events::Event,
    hubble::{
        flow::FlowFilter,
        observer::{
            GetAgentEventsRequest, GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest,
            GetNodesRequest, ServerStatusRequest, get_flows_response::ResponseTypes,
            observer_client::ObserverClient,
        },
        relay::NodeState,
    },
    relay::{Access, Relay, RelayMetrics, Roster, Target, follow_peers},
    telemetry::Metrics,
};
use tokio::{net::UnixStream, sync::watch};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming, transport::Channel};

use crate::node::{Node, connect, event, eventually};

/// A relay that is served until dropped.
pub(crate) struct Served {
    roster: watch::Sender<Roster>,
    pub(crate) client: ObserverClient<Channel>,
    registry: Arc<Metrics>,
    relay: Relay,
    cancel: CancellationToken,
    _dir: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Served {
    /// Waits until the metrics have a line.
    async fn counts(&self, line: &str) {
        eventually(line, || self.registry.encode().contains(line)).await;
    }
}

pub(crate) fn targets(nodes: &[(&str, &Node)]) -> Roster {
    let target = |node: &Node| {
        let socket = node.socket();
        Target {
            address: "somewhere".into(),
            channel: channel(move || UnixStream::connect(socket.clone())),
        }
    };
    Arc::new(nodes.iter().map(|(name, node)| ((*name).to_owned(), target(node))).collect())
}

async fn relay(roster: Roster) -> Served {
    relay_with(roster, None).await
}

pub(crate) async fn relay_with(roster: Roster, access: Option<Arc<dyn Access>>) -> Served {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("relay.sock");
    let roster = watch::Sender::new(roster);
    let cancel = CancellationToken::new();
    let registry = Arc::new(Metrics::new());
    let metrics = RelayMetrics::new(&registry);
    let relay = Relay {
        roster: roster.subscribe(),
        access,
        metrics: metrics.clone(),
        cancel: cancel.clone(),
    };
    let (door, stop) = (Door::Unix(socket.clone()), cancel.clone());
    let door = door.open().await.expect("it can be made");
    let serving = relay.clone();
    tokio::spawn(async move { serve_relay(door, serving, stop).await.expect("it is served") });
    let client = ObserverClient::new(connect(&socket).await);
    Served { roster, client, registry, relay, cancel, _dir: dir }
}

/// Clocks of nodes differ by microseconds.
pub(crate) fn at(second: u16) -> Event {
    Event { time: Duration::from_secs(second.into()), ..event(second) }
}

/// Says a message in short: the port of a flow, or what became of which nodes.
fn brief(message: &GetFlowsResponse) -> String {
    match message.response_types.as_ref().expect("it has a kind") {
        ResponseTypes::Flow(flow) => flow.ports().expect("TCP").0.to_string(),
        ResponseTypes::NodeStatus(status) => {
            format!("{} {}", status.state_change().as_str_name(), status.node_names.join(","))
        }
        ResponseTypes::LostEvents(lost) => format!("{} lost", lost.num_events_lost),
    }
}

async fn stored(served: &Served, request: GetFlowsRequest) -> Vec<String> {
    let mut stream = served.client.clone().get_flows(request).await.expect("one").into_inner();
    let mut all = Vec::new();
    while let Some(message) = stream.message().await.expect("an answer") {
        all.push(brief(&message));
    }
    all
}

async fn next(stream: &mut Streaming<GetFlowsResponse>) -> String {
    let message = tokio::time::timeout(Duration::from_secs(40), stream.message()).await;
    brief(&message.expect("in time").expect("an answer").expect("no end"))
}

#[tokio::test]
async fn stored_flows_come_in_order_of_time_after_who_is_there() {
    let (one, two) = (Node::named("n1").await, Node::named("n2").await);
    one.observer.push([1, 4, 5, 8].map(at));
    two.observer.push([2, 3, 6, 7].map(at));
    let served = relay(targets(&[("n1", &one), ("n2", &two)])).await;
    let request = GetFlowsRequest::default;
    for (asked, expected) in [
        (request(), "1 2 3 4 5 6 7 8"),
        (GetFlowsRequest { number: u64::MAX, ..request() }, "1 2 3 4 5 6 7 8"),
        (GetFlowsRequest { number: 3, ..request() }, "6 7 8"),
        (GetFlowsRequest { number: 3, first: true, ..request() }, "1 2 3"),
    ] {
        let said = stored(&served, asked).await;
        assert_eq!(said[0], "NODE_CONNECTED n1,n2");
        assert_eq!(said[1..].join(" "), expected);
    }
}

#[tokio::test]
async fn nodes_that_do_not_answer_are_named() {
    let (one, two) = (Node::named("n1").await, Node::named("n2").await);
    one.observer.push([at(1)]);
    let served = relay(targets(&[("n1", &one), ("n2", &two)])).await;
    two.cancel.cancel();
    two.server.await.expect("no panic").expect("a clean end");
    let said = stored(&served, GetFlowsRequest::default()).await;
    assert_eq!(said, ["NODE_CONNECTED n1", "NODE_UNAVAILABLE n2", "1"]);
    served.counts("skep_relay_flows_total 1\n").await;
    served.counts("skep_relay_requests_total{method=\"GetFlows\",outcome=\"ok\"} 1\n").await;
    tokio::spawn(served.relay.clone().watch_nodes());
    served.counts("skep_relay_nodes{state=\"connected\"} 1\n").await;
    served.counts("skep_relay_nodes{state=\"unavailable\"} 1\n").await;

    let mut client = served.client.clone();
    let status = client.server_status(ServerStatusRequest {}).await.expect("an answer");
    assert!(status.metadata().contains_key("hubble-relay-version"));
    let status = status.into_inner();
    assert_eq!((status.num_flows, status.max_flows), (1, 8192));
    assert_eq!((status.num_connected_nodes, status.num_unavailable_nodes), (Some(1), Some(1)));
    assert_eq!(status.unavailable_nodes, ["n2"]);
    let nodes = client.get_nodes(GetNodesRequest {}).await.expect("an answer").into_inner().nodes;
    let states: BTreeMap<_, _> = nodes.iter().map(|n| (n.name.as_str(), n.state())).collect();
    assert_eq!(
        states,
        BTreeMap::from([("n1", NodeState::NodeConnected), ("n2", NodeState::NodeUnavailable)])
    );
    let answer = client.get_namespaces(GetNamespacesRequest {}).await.expect("an answer");
    let names: Vec<_> = answer.into_inner().namespaces.into_iter().map(|n| n.namespace).collect();
    assert_eq!(names, ["back", "shop"]);
}

#[tokio::test]
async fn followers_hear_of_nodes_that_come_end_and_go() {
    let (one, two) = (Node::named("n1").await, Node::named("n2").await);
    let served = relay(targets(&[("n1", &one)])).await;
    let request = GetFlowsRequest { follow: true, ..GetFlowsRequest::default() };
    let mut stream = served.client.clone().get_flows(request).await.expect("one").into_inner();
    assert_eq!(next(&mut stream).await, "NODE_CONNECTED n1");
    one.observer.push([at(1)]);
    assert_eq!(next(&mut stream).await, "1");
    served.counts("skep_relay_followers 1\n").await;

    served.roster.send_replace(targets(&[("n1", &one), ("n2", &two)]));
    assert_eq!(next(&mut stream).await, "NODE_CONNECTED n2");
    let now = jiff::Timestamp::now();
    let boot = skep::flows::BootClock::now().wall(Duration::ZERO);
    let since_boot = Duration::try_from(now.duration_since(boot)).expect("after it");
    two.observer.push([Event { time: since_boot, ..event(2) }]);
    assert_eq!(next(&mut stream).await, "2");

    two.cancel.cancel();
    assert_eq!(next(&mut stream).await, "NODE_UNAVAILABLE n2");
    served.roster.send_replace(targets(&[("n1", &one)]));
    loop {
        // What it was like to try again may be told, too.
        let said = next(&mut stream).await;
        if said == "NODE_GONE n2" {
            break;
        }
        assert_eq!(said, "NODE_ERROR n2");
    }
    drop(stream);
    served.counts("skep_relay_followers 0\n").await;
    eventually("the client's leaving frees the seat", || one.observer.stats().readers == 0).await;
}

#[tokio::test]
async fn a_peer_service_tells_which_nodes_there_are() {
    let (one, two) = (Node::named("n1").await, Node::named("n2").await);
    let peers = |nodes: &[(&str, String)]| -> Peers {
        let peer = |address: &String| Peer { address: address.clone(), tls: None };
        Arc::new(nodes.iter().map(|(n, address)| ((*n).to_owned(), peer(address))).collect())
    };
    let unix = |node: &Node| format!("unix://{}", node.socket().display());
    let far = "192.0.2.1:4244".to_owned();
    let known = [("n1", unix(&one)), ("n2", unix(&two)), ("n3", far)];
    one.peers.send_replace(peers(&known));
    let cancel = CancellationToken::new();
    let roster =
        follow_peers(&unix(&one), Connector::never(), cancel.clone()).await.expect("it answers");
    one.observer.push([at(1)]);
    two.observer.push([at(2)]);
    let served = relay(Roster::clone(&roster.borrow())).await;
    let said = stored(&served, GetFlowsRequest::default()).await;
    assert_eq!(said, ["NODE_CONNECTED n1,n2", "NODE_UNAVAILABLE n3", "1", "2"]);

    one.peers.send_replace(peers(&known[..1]));
    eventually("nodes that are gone are forgotten", || roster.borrow().len() == 1).await;
    cancel.cancel();
}

#[tokio::test]
async fn nonsense_is_refused_by_the_relay_itself() {
    let served = relay(Roster::default()).await;
    let filter = FlowFilter { source_port: vec!["http".into()], ..FlowFilter::default() };
    let asked = GetFlowsRequest { whitelist: vec![filter], ..GetFlowsRequest::default() };
    let status = served.client.clone().get_flows(asked).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("source_port: \"http\""), "{status:?}");
    let asked = GetAgentEventsRequest::default();
    let status = served.client.clone().get_agent_events(asked).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unimplemented);
}
