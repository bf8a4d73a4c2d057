//! The Hubble API of agents and relays, asked as clients do.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    time::Duration,
};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use skep::hubble::{
    flow::{AgentEvent, AgentEventType, Flow, FlowFilter, Verdict, agent_event::Notification},
    observer::{
        GetAgentEventsRequest, GetFlowsRequest, GetFlowsResponse, GetNodesRequest,
        observer_client::ObserverClient,
    },
    peer::{NotifyRequest, peer_client::PeerClient},
    relay::NodeState,
};
use tonic::transport::{Channel, Endpoint};

use super::{
    lab::{Lab, eventually, skep, text},
    pods::{addresses, echoes, netns, node, nodes, pods},
    workloads::kubectl,
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
    let mut events = events.expect("a stream").into_inner();
    let mut told = Vec::new();
    while let Some(answer) = events.message().await.expect("an answer") {
        told.extend(answer.agent_event);
    }
    assert_eq!(told[0].r#type(), AgentEventType::AgentStarted);
    let is_made = |event: &AgentEvent| match &event.notification {
        Some(Notification::EndpointUpdate(update)) => {
            event.r#type() == AgentEventType::EndpointCreated && update.pod_name == to.name_any()
        }
        _ => false,
    };
    assert!(told.iter().any(is_made), "{told:?}");

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
    serving(lab, &["port-forward", "--port", &port.to_string()], port)
}

/// Starts a relay and waits until it serves on a port.
fn serving(lab: &Lab, words: &[&str], port: u16) -> (Child, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
        .arg("relay")
        .args(words)
        .arg("--kubeconfig")
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

/// Runs skep in the network of the one process that has the words.
async fn observe_from(lab: &Lab, words: &[&str], server: &str) -> std::process::Output {
    let process = eventually("there is one", async || match *lab.processes(words) {
        [process] => Some(process),
        _ => None,
    })
    .await;
    let server = server.to_owned();
    let asked = move || {
        Command::new("nsenter")
            .arg(format!("--net=/proc/{process}/ns/net"))
            .arg(env!("CARGO_BIN_EXE_skep"))
            .args(["observe", "--all", "-o", "json", "--server", &server])
            .output()
            .expect("nsenter can be run")
    };
    tokio::task::spawn_blocking(asked).await.expect("an answer")
}

/// Returns the relay's pod when it serves.
async fn relay_pod(lab: &Lab, but: Option<&str>) -> Pod {
    let pods: Api<Pod> = Api::namespaced(lab.client().await, "kube-system");
    let relays = ListParams::default().labels("k8s-app=skep-relay");
    eventually("the relay is ready", async || {
        let all = pods.list(&relays).await.ok()?;
        all.items.into_iter().find(|pod| is_ready(pod) && Some(pod.name_any().as_str()) != but)
    })
    .await
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|one| one.type_ == "Ready" && one.status == "True");
    pod.metadata.deletion_timestamp.is_none() && ready.next().is_some()
}

/// Waits until a relay tells flows of both nodes.
async fn tells_of_both(lab: &Lab) {
    eventually("the relay tells of both nodes", async || {
        let told = observe_from(lab, &["relay --in-cluster"], "127.0.0.1:4245").await;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let all = ["node-1", "node-2"]
            .iter()
            .all(|node| text.contains(&format!("\"node_name\":\"default/{node}\"")));
        all.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn the_relay_of_the_cluster_reaches_nodes_by_certificates_that_are_renewed() {
    let lab = Lab::up("certificates", &["--nodes", "2"]);
    let (from, to) = (&pods(&lab, "frontend").await[0], pods(&lab, "api").await);
    for address in to.iter().flat_map(addresses) {
        let namespace = netns(&lab, from);
        tokio::task::spawn_blocking(move || echoes(&namespace, address)).await.expect("an answer");
    }
    let relay = relay_pod(&lab, None).await;
    tells_of_both(&lab).await;

    // Whoever is not on the machine of a server needs TLS, and at a node a certificate.
    let mut servers: Vec<String> =
        addresses(&relay).into_iter().map(|ip| SocketAddr::new(ip, 4245).to_string()).collect();
    servers.extend(
        nodes(&lab)
            .await
            .into_iter()
            .flat_map(|(_, addresses)| addresses)
            .map(|ip| SocketAddr::new(ip, 4244).to_string()),
    );
    for server in servers {
        let told = observe_from(&lab, &["lab stand-in", &from.name_any()], &server).await;
        assert_eq!(told.status.code(), Some(3), "{server}");
        assert!(told.stdout.is_empty(), "{server}");
    }

    let secrets: Api<Secret> = Api::namespaced(lab.client().await, "kube-system");
    let before = secrets.get("skep-hubble-server").await.expect("the operator made it");
    secrets.delete("skep-hubble-server", &DeleteParams::default()).await.expect("it is there");
    let chain = |secret: &Secret| secret.data.as_ref().map(|data| data["tls.crt"].clone());
    eventually("the certificate is made anew", async || {
        let now = secrets.get("skep-hubble-server").await.ok()?;
        (chain(&now) != chain(&before)).then_some(())
    })
    .await;
    let pods: Api<Pod> = Api::namespaced(lab.client().await, "kube-system");
    pods.delete(&relay.name_any(), &DeleteParams::default()).await.expect("it is there");
    relay_pod(&lab, Some(&relay.name_any())).await;
    tells_of_both(&lab).await;
}

/// Who may get the pods of one namespace, and who those of all.
const READERS: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: { name: of-shop, namespace: shop }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: of-all, namespace: shop }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: pod-reader }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: of-shop, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pod-reader }
subjects: [{ kind: ServiceAccount, name: of-shop, namespace: shop }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: of-all }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pod-reader }
subjects: [{ kind: ServiceAccount, name: of-all, namespace: shop }]
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn a_relay_shows_flows_to_who_may_get_the_pods() {
    let lab = Lab::up("readers", &["--nodes", "2"]);
    let (from, to) = (&pods(&lab, "frontend").await[0], pods(&lab, "api").await);
    for address in to.iter().flat_map(addresses) {
        let namespace = netns(&lab, from);
        tokio::task::spawn_blocking(move || echoes(&namespace, address)).await.expect("an answer");
    }
    let done = kubectl(&lab, &["apply", "-f", "-"], READERS);
    assert!(done.status.success(), "{}", text(&done));
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = port.expect("a port").port();
    let server = format!("127.0.0.1:{port}");
    let (_relay, _) = serving(&lab, &["--access", "namespace", "--listen", &server], port);
    let asked = |more: &[&str]| {
        let words = ["observe", "--all", "-o", "json", "--server", &server];
        skep(&[&words[..], more].concat())
    };
    let stranger = asked(&[]);
    assert_eq!(stranger.status.code(), Some(3), "{}", text(&stranger));
    assert!(text(&stranger).contains("kubectl create token"), "{}", text(&stranger));

    let mut seen = Vec::new();
    for account in ["of-shop", "of-all"] {
        let token = kubectl(&lab, &["create", "token", account, "-n", "shop"], "");
        assert!(token.status.success(), "{}", text(&token));
        let file = lab.dir().join(account);
        std::fs::write(&file, &token.stdout).expect("it can be written");
        let told = asked(&["--token-file", file.to_str().expect("a path is text")]);
        assert!(told.status.success(), "{account}: {}", text(&told));
        seen.push(String::from_utf8_lossy(&told.stdout).into_owned());
    }
    let namespaces = |lines: &str| -> BTreeSet<String> {
        let flows = lines.lines().filter_map(|line| {
            serde_json::from_str::<GetFlowsResponse>(line).ok()?.flow().cloned()
        });
        let ends = flows.flat_map(|flow| [flow.source, flow.destination]).flatten();
        ends.map(|end| end.namespace).filter(|name| !name.is_empty()).collect()
    };
    assert_eq!(namespaces(&seen[0]), BTreeSet::from(["shop".to_owned()]));
    assert!(namespaces(&seen[1]).contains("kube-system"), "{:?}", namespaces(&seen[1]));
    assert!(!seen[0].contains("kube-system"), "nor do labels or policies tell");
}
