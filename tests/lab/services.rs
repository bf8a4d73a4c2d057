//! Services as clients in the cluster meet them.

use std::collections::BTreeSet;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use skep::kubernetes;

use super::{
    lab::{Lab, eventually, skep, text},
    pods::nodes,
    policy::listed,
};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// curl's exit code for a connection that was refused.
const REFUSED: i32 = 7;

async fn cluster_ips(client: &Client, name: &str) -> Vec<String> {
    let api: Api<Service> = Api::namespaced(client.clone(), "default");
    let service = api.get(name).await.expect("the service is there");
    service.spec.and_then(|spec| spec.cluster_ips).expect("it has addresses")
}

fn url(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("http://[{address}]:{port}/")
    } else {
        format!("http://{address}:{port}/")
    }
}

/// Runs a command in a pod; its exit code and what it printed.
async fn run_in(client: &Client, pod: &str, command: &[&str]) -> (i32, String) {
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    let output = kubernetes::exec(client, "default", pod, None, &command).await.expect("runs");
    (output.code, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command in the client's pod.
async fn run(client: &Client, command: &[&str]) -> (i32, String) {
    run_in(client, "client", command).await
}

/// Sends a datagram from a pod and expects it back; whether it came, and what was told.
async fn echo(client: &Client, pod: &str, address: &str, rest: &str) -> (bool, String) {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let probe = format!("udp://{host}:{rest}");
    let words = [env!("CARGO_BIN_EXE_skep"), "connectivity", "probe", &probe, "-o", "json"];
    let (code, told) = run_in(client, pod, &words).await;
    (code == 0, told)
}

/// Asks for a page as the client's pod; curl's exit code and the page.
async fn get(client: &Client, url: &str) -> (i32, String) {
    run(client, &["curl", "-s", "-m", "5", url]).await
}

/// Returns the pod that answered.
fn server(page: &str) -> String {
    let page: Value = serde_json::from_str(page).unwrap_or_else(|e| panic!("{page:?}: {e}"));
    page["pod"].as_str().expect("the server says who it is").to_owned()
}

/// Waits until all four backends answer.
async fn all_answer(client: &Client, url: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let (code, page) = get(client, url).await;
        if code == 0 {
            seen.insert(server(&page));
        }
        if seen.len() == 4 {
            return seen;
        }
    }
    panic!("only {seen:?} answer at {url}");
}

fn agents(lab: &Lab) -> Vec<i32> {
    lab.processes(&["agent", "--node-name"])
}

#[tokio::test]
#[ignore = "needs root"]
async fn pods_and_nodes_reach_services_by_every_address() {
    let lab = Lab::bare("svc", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    let vips = cluster_ips(&client, "web").await;
    assert_eq!(vips.len(), 2, "both families");
    for vip in &vips {
        all_answer(&client, &url(vip, 80)).await;
        let show =
            ["curl", "-s", "-o", "/dev/null", "-m", "5", "-w", "%{remote_ip}:%{remote_port}"];
        let (code, shown) = run(&client, &[&show[..], &[&url(vip, 80)]].concat()).await;
        assert_eq!((code, shown), (0, format!("{vip}:80")), "the peer's name is the service's");
        let host = lab.exec("node-1", &["curl", "-s", "-m", "5", &url(vip, 80)]);
        assert!(host.status.success(), "{}", text(&host));
        server(&text(&host));
    }
    for (node, addresses) in nodes(&lab).await {
        for address in addresses {
            let (code, page) = get(&client, &url(&address.to_string(), 30_080)).await;
            assert_eq!(code, 0, "node port at {node}, {address}");
            server(&page);
        }
    }
    for vip in cluster_ips(&client, "empty").await {
        assert_eq!(get(&client, &url(&vip, 80)).await.0, REFUSED, "{vip} has no backend");
    }
    for vip in cluster_ips(&client, "sticky").await {
        let (_, first) = get(&client, &url(&vip, 80)).await;
        for _ in 0..20 {
            let (_, page) = get(&client, &url(&vip, 80)).await;
            assert_eq!(server(&page), server(&first), "{vip} stays with one");
        }
    }
    let status = listed(&lab, &["status"]);
    for node in &status {
        let parts = node["components"].as_array().expect("components");
        let part = parts.iter().find(|part| part["name"] == "services").expect("it is one");
        assert_eq!(part["health"], "ok", "{part}");
    }
}

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

/// Opens connection after connection for as long as a file is there; prints how many failed and how many
/// there were.
const CLIENT: &str = "touch /tmp/busy-$1; failed=0; all=0; while [ -e /tmp/busy-$1 ]; do \
    curl -s -o /dev/null -m 5 \"$2\" || failed=$((failed+1)); all=$((all+1)); done; echo $failed $all";

#[tokio::test]
#[ignore = "needs root"]
async fn no_connection_fails_while_backends_come_and_go_and_agents_are_killed() {
    let lab = Lab::bare("svcload", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    let vip = url(&cluster_ips(&client, "web").await[0], 80);
    all_answer(&client, &vip).await;
    let mark = lab.name.clone();
    let load = {
        let (client, mark, vip) = (client.clone(), mark.clone(), vip.clone());
        tokio::spawn(async move { run(&client, &["sh", "-c", CLIENT, "sh", &mark, &vip]).await })
    };
    let api: Api<Deployment> = Api::namespaced(client.clone(), "default");
    for round in 0..6 {
        let replicas = if round % 2 == 0 { 2 } else { 4 };
        let patch = json!({ "spec": { "replicas": replicas } });
        api.patch("web", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("scaled");
        if round == 3 {
            let victims = agents(&lab);
            assert_eq!(victims.len(), 2);
            for pid in victims {
                kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
            }
        }
        eventually("the deployment has its size", || async {
            let status = api.get("web").await.expect("read").status.unwrap_or_default();
            let all = (status.replicas, status.ready_replicas);
            (all == (Some(replicas), Some(replicas))).then_some(())
        })
        .await;
    }
    eventually("the agents are back", || async {
        skep(&["lab", "status", "--name", &lab.name]).status.success().then_some(())
    })
    .await;
    all_answer(&client, &vip).await;
    std::fs::remove_file(format!("/tmp/busy-{mark}")).expect("the client is busy");
    let (_, counts) = load.await.expect("the client ends");
    let counts: Vec<u32> =
        counts.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let [failed, all] = counts[..] else { panic!("two numbers") };
    println!("{all} connections, {failed} failed");
    assert!(all > 50, "{all}");
    assert_eq!(failed, 0, "of {all}");
}
