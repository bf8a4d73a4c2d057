//! Datagrams to services, and the sockets that send them.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::IpAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use k8s_openapi::api::{
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use skep::hubble::{flow::FlowType, observer::GetFlowsResponse};

use super::{
    lab::{Lab, eventually, skep, text},
    pods::{addresses, nodes},
    services::{APP, all_answer, cluster_ips, echo, url},
};

#[tokio::test]
#[ignore = "needs root"]
async fn datagrams_reach_services_by_every_way() {
    for routing in ["vxlan", "native"] {
        let lab = Lab::bare(routing, &["--nodes", "2", "--routing", routing, "-f", APP]);
        let client = lab.client().await;
        let vips = cluster_ips(&client, "web").await;
        all_answer(&client, &url(&vips[0], 80)).await;
        for vip in &vips {
            // Each has a port of its own and finds a backend of its own: of this node and of the other.
            for _ in 0..12 {
                let (answered, told) = echo(&client, "client", vip, "53").await;
                assert!(answered, "{vip}: {told}");
            }
            let (answered, told) = echo(&client, "client", vip, "53,size=8000").await;
            assert!(answered, "{vip}, in fragments: {told}");
        }
        for (node, addresses) in nodes(&lab).await {
            for address in addresses {
                let (answered, told) = echo(&client, "client", &address.to_string(), "30053").await;
                assert!(answered, "node port at {node}, {address}: {told}");
            }
        }
        let own = nodes(&lab).await.into_iter().filter(|(name, _)| name == "node-1");
        for address in own.flat_map(|(_, addresses)| addresses) {
            for socket in ["", ",connect=no"] {
                let host = match address {
                    IpAddr::V4(_) => address.to_string(),
                    IpAddr::V6(_) => format!("[{address}]"),
                };
                let probe = format!("udp://{host}:30053{socket}");
                let words = [env!("CARGO_BIN_EXE_skep"), "connectivity", "probe", &probe];
                for _ in 0..8 {
                    let told = lab.exec("node-1", &words);
                    assert!(told.status.success(), "{probe} at home: {}", text(&told));
                }
            }
        }
        for vip in cluster_ips(&client, "lone").await {
            let (answered, told) = echo(&client, "lone", &vip, "53").await;
            assert!(answered, "a pod reaches itself at {vip}: {told}");
        }
        for vip in cluster_ips(&client, "empty").await {
            let (_, told) = echo(&client, "client", &vip, "53").await;
            assert!(told.contains("refused"), "{vip} has no backend: {told}");
        }
    }
}

/// Node port of the service whose backend is replaced.
const PORT: u16 = 30_054;
/// Asks by one connected socket, once for each line; prints the answer, or an empty line.
const ASK: &str = r#"exec 3<>"/dev/udp/$1/$2"; while read -r; do
    printf 'GET / HTTP/1.1\r\n\r\n' >&3; timeout 1 dd bs=4096 count=1 <&3 2>/dev/null; echo; done"#;

/// A connected socket of a process on a node.
struct Asker {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Asker {
    fn connect(lab: &Lab, node: &str, to: IpAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "exec", "--name", &lab.name, node, "--"])
            .args(["bash", "-c", ASK, "ask", &to.to_string(), &PORT.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("skep can be run");
        let questions = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, questions, answers }
    }

    /// Asks who is there; the server's name, if one answers.
    fn ask(&mut self) -> Option<String> {
        writeln!(self.questions).expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it tells");
        let told: serde_json::Value = serde_json::from_str(&line).ok()?;
        told["name"].as_str().map(str::to_owned)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pod that answers with its name, on one of the nodes.
async fn server(client: &Client, name: &str, node: &str) -> Pod {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let serve = format!("exec skep connectivity serve --name {name} --port 5353");
    let object = json!({
        "metadata": { "name": name, "annotations": { "lab.skep.io/command": serve } },
        "spec": { "nodeName": node, "containers": [{ "name": "server", "image": "server" }] },
    });
    let object = serde_json::from_value(object).expect("a pod");
    pods.create(&PostParams::default(), &object).await.expect("the pod is made");
    eventually("the pod runs", || async {
        let pod = pods.get(name).await.expect("read");
        let status = pod.status.as_ref()?;
        let is_ready = status.container_statuses.iter().flatten().any(|one| one.ready);
        is_ready.then_some(pod)
    })
    .await
}

/// Makes one pod the only backend of the service, in both families.
async fn hand_to(client: &Client, pod: &Pod) {
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    for address in addresses(pod) {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let name = format!("handover-{}", family.to_lowercase());
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "name": name, "labels": { "kubernetes.io/service-name": "handover" } },
            "addressType": family,
            "ports": [{ "name": "", "port": 5353, "protocol": "UDP" }],
            "endpoints": [{ "addresses": [address] }],
        });
        let params = PatchParams::apply("test").force();
        api.patch(&name, &params, &Patch::Apply(&slice)).await.expect("the slice is written");
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_connected_socket_of_a_node_follows_the_backend_of_its_own_node_port() {
    let lab = Lab::bare("handover", &["--nodes", "2"]);
    let client = lab.client().await;
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let object = json!({ "metadata": { "name": "handover" }, "spec": {
        "type": "NodePort",
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [{ "port": 53, "targetPort": 5353, "nodePort": PORT, "protocol": "UDP" }],
    }});
    let object = serde_json::from_value(object).expect("a service");
    services.create(&PostParams::default(), &object).await.expect("the service is made");
    let mut servers = Vec::new();
    for (name, node) in [("first", "node-1"), ("second", "node-2"), ("third", "node-1")] {
        servers.push(server(&client, name, node).await);
    }
    let own = nodes(&lab).await.into_iter().filter(|(name, _)| name == "node-1");
    for address in own.flat_map(|(_, addresses)| addresses) {
        let mut asker = Asker::connect(&lab, "node-1", address);
        for server in &servers {
            hand_to(&client, server).await;
            let mut answers = || {
                let answered = asker.ask() == Some(server.name_any());
                async move { answered.then_some(()) }
            };
            eventually("the socket is led to the other backend", &mut answers).await;
        }
    }
    eventually("all of its flows name the service that was asked", || async {
        (servers_seen(&lab).len() == 2 * servers.len()).then_some(())
    })
    .await;
}

/// Returns by which family, and at which servers, flows of the nodes show the service.
fn servers_seen(lab: &Lab) -> BTreeSet<(i32, String)> {
    let kubeconfig = lab.dir().join("kubeconfig");
    let shown = ["observe", "--all", "-o", "json", "--to-service", "default/handover"];
    let from =
        ["--from-label", "reserved:host", "--kubeconfig", kubeconfig.to_str().expect("text")];
    let told = skep(&[&shown[..], &from].concat());
    let flows = String::from_utf8_lossy(&told.stdout);
    let seen = flows.lines().filter_map(|line| {
        let message: GetFlowsResponse = serde_json::from_str(line).expect(line);
        let flow = message.flow().filter(|flow| flow.r#type() == FlowType::L3L4)?;
        Some((flow.ip.as_ref()?.ip_version, flow.destination.as_ref()?.pod_name.clone()))
    });
    seen.collect()
}
