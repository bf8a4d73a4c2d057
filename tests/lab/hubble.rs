//! The Hubble API of a node's agent, asked by gRPC over its unix socket.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use skep::hubble::{
    flow::{AgentEventType, Flow, FlowFilter, Verdict},
    observer::{
        GetAgentEventsRequest, GetFlowsRequest, GetNodesRequest, observer_client::ObserverClient,
    },
    peer::{NotifyRequest, peer_client::PeerClient},
    relay::NodeState,
};
use tonic::transport::{Channel, Endpoint};

use super::{
    lab::{Lab, eventually},
    pods::{addresses, echoes, netns, node, nodes, pods},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects to the socket of a node's agent, as seen from its mount namespace.
async fn connect(lab: &Lab, node: &str) -> Channel {
    let pid = lab.processes(&["skep agent", node])[0];
    let address = format!("unix:///proc/{pid}/root/run/skep/hubble.sock");
    Endpoint::from_shared(address).expect("an address").connect().await.expect("it is served")
}

/// Follows what goes from one pod to another until a flow comes.
async fn follow(mut client: ObserverClient<Channel>, from: &Pod, to: &Pod) -> Flow {
    let pod = |pod: &Pod| vec![format!("shop/{}", pod.name_any())];
    let filter = FlowFilter {
        source_pod: pod(from),
        destination_pod: pod(to),
        verdict: vec![Verdict::Forwarded.into()],
        ..FlowFilter::default()
    };
    let request = GetFlowsRequest {
        number: 1,
        follow: true,
        whitelist: vec![filter],
        ..GetFlowsRequest::default()
    };
    let mut flows = client.get_flows(request).await.expect("a stream").into_inner();
    loop {
        let message = flows.message().await.expect("an answer").expect("no end");
        if let Some(flow) = message.flow() {
            return flow.clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn a_hubble_client_sees_the_flows_events_and_peers_of_a_node() {
    let lab = Lab::up("hubble", &["--nodes", "2"]);
    let (from, to) = (&pods(&lab, "frontend").await[0], &pods(&lab, "api").await[0]);
    let channel = connect(&lab, &node(to)).await;
    let mut client = ObserverClient::new(channel.clone());

    for address in addresses(to) {
        let namespace = netns(&lab, from);
        tokio::task::spawn_blocking(move || echoes(&namespace, address)).await.expect("an answer");
    }
    let flow = tokio::time::timeout(PATIENCE, follow(client.clone(), from, to)).await;
    let flow = flow.expect("a flow in time");
    assert_eq!(flow.sender().pod_name, from.name_any());
    assert_eq!(flow.receiver().namespace, "shop");
    assert_eq!(flow.node_name, format!("default/{}", node(to)));

    let events = client.get_agent_events(GetAgentEventsRequest::default()).await;
    let event = events.expect("a stream").into_inner().message().await.expect("an answer");
    let event = event.and_then(|answer| answer.agent_event).expect("an event");
    assert_eq!(event.r#type(), AgentEventType::AgentStarted);

    let mut news = PeerClient::new(channel).notify(NotifyRequest {}).await.expect("a stream");
    let expected: BTreeSet<String> = nodes(&lab).await.into_iter().map(|(name, _)| name).collect();
    let mut told = BTreeSet::new();
    while told != expected {
        let news = tokio::time::timeout(PATIENCE, news.get_mut().message()).await;
        let change = news.expect("in time").expect("an answer").expect("no end");
        assert!(change.address.ends_with(":4244"), "{change:?}");
        told.insert(change.name);
    }
}

/// A child that is ended with the test.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a relay on a port of this machine that nobody uses, and waits until it serves.
fn port_forward(lab: &Lab) -> (Child, u16) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = port.expect("a port").port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(["relay", "port-forward", "--port", &port.to_string(), "--kubeconfig"])
        .arg(lab.dir().join("kubeconfig"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("skep can be run");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("text");
    assert_eq!(line, format!("serving the flows of 2 nodes on 127.0.0.1:{port}\n"));
    (Child(child), port)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn a_relay_gives_hubble_clients_one_address_for_the_whole_cluster() {
    let lab = Lab::up("relay", &["--nodes", "2"]);
    let (from, to) = (&pods(&lab, "frontend").await[0], pods(&lab, "api").await);
    for address in to.iter().flat_map(addresses) {
        let namespace = netns(&lab, from);
        tokio::task::spawn_blocking(move || echoes(&namespace, address)).await.expect("an answer");
    }
    let (_relay, port) = port_forward(&lab);
    let address = format!("http://127.0.0.1:{port}");
    let endpoint = Endpoint::from_shared(address).expect("an address");
    let mut client = eventually("the relay is served", async || {
        Some(ObserverClient::new(endpoint.connect().await.ok()?))
    })
    .await;
    let nodes = client.get_nodes(GetNodesRequest {}).await.expect("an answer").into_inner().nodes;
    let connected = nodes.iter().filter(|node| node.state() == NodeState::NodeConnected);
    assert_eq!(connected.count(), 2, "{nodes:?}");

    let request = GetFlowsRequest { number: 1000, ..GetFlowsRequest::default() };
    let mut flows = client.get_flows(request).await.expect("a stream").into_inner();
    let first = flows.message().await.expect("an answer").expect("a message");
    let status = first.node_status().expect("who is there comes first");
    assert_eq!(status.node_names.len(), 2, "{status:?}");
    let (mut seen, mut last) = (BTreeSet::new(), None);
    while let Some(message) = flows.message().await.expect("an answer") {
        assert!(last <= Some(message.moment()), "flows are in order of time");
        last = Some(message.moment());
        seen.insert(message.node_name);
    }
    assert_eq!(seen, BTreeSet::from(["default/node-1".to_owned(), "default/node-2".to_owned()]));
}
