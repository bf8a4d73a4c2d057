//! Services as clients in the cluster meet them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
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

pub(crate) const APP: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// curl's exit code for a connection that was refused.
const REFUSED: i32 = 7;

pub(crate) async fn cluster_ips(client: &Client, name: &str) -> Vec<String> {
    let api: Api<Service> = Api::namespaced(client.clone(), "default");
    let service = api.get(name).await.expect("the service is there");
    service.spec.and_then(|spec| spec.cluster_ips).expect("it has addresses")
}

pub(crate) fn url(address: &str, port: u16) -> String {
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
pub(crate) async fn run(client: &Client, command: &[&str]) -> (i32, String) {
    run_in(client, "client", command).await
}

/// Sends a datagram from a pod and expects it back; whether it came, and what was told.
pub(crate) async fn echo(client: &Client, pod: &str, address: &str, rest: &str) -> (bool, String) {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let probe = format!("udp://{host}:{rest}");
    let words = [env!("CARGO_BIN_EXE_skep"), "connectivity", "probe", &probe, "-o", "json"];
    let (code, told) = run_in(client, pod, &words).await;
    (code == 0, told)
}

/// Asks for a page as the client's pod; curl's exit code and the page.
pub(crate) async fn get(client: &Client, url: &str) -> (i32, String) {
    run(client, &["curl", "-s", "-m", "5", url]).await
}

/// Returns the pod that answered.
fn server(page: &str) -> String {
    let page: Value = serde_json::from_str(page).unwrap_or_else(|e| panic!("{page:?}: {e}"));
    page["pod"].as_str().expect("the server says who it is").to_owned()
}

/// Waits until all four backends answer.
pub(crate) async fn all_answer(client: &Client, url: &str) -> BTreeSet<String> {
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
    policies_are_explained(&lab, &client).await;
}

/// Isolates the servers and asks why the client does not reach them.
async fn policies_are_explained(lab: &Lab, client: &Client) {
    let ask = || listed(lab, &["service", "explain", "default/web", "--from", "default/client"]);
    let verdicts = |told: &[Value]| {
        let endpoints = told[0]["connections"][0]["endpoints"].as_array().expect("backends");
        endpoints.iter().map(|one| one["networkPolicy"].clone()).collect::<Vec<_>>()
    };
    let open = json!({ "verdict": "allowed" });
    assert!(verdicts(&ask()).iter().all(|told| *told == open), "{:?}", verdicts(&ask()));
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), "default");
    let closed: NetworkPolicy = serde_json::from_value(json!({
        "metadata": { "name": "closed" },
        "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"] },
    }))
    .expect("a policy");
    policies.create(&PostParams::default(), &closed).await.expect("made");
    let reason = "ingress: isolated by NetworkPolicy default/closed";
    let denied = json!({ "verdict": "denied", "reason": reason });
    eventually("the explanation names the policy", || async {
        verdicts(&ask()).iter().all(|told| *told == denied).then_some(())
    })
    .await;
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

/// A slice of a service that selects nobody.
fn slice(addresses: &[&String]) -> EndpointSlice {
    let endpoints: Vec<Value> =
        addresses.iter().map(|address| json!({ "addresses": [address] })).collect();
    serde_json::from_value(json!({
        "metadata": { "name": "churn-1", "labels": { "kubernetes.io/service-name": "churn" } },
        "addressType": "IPv4",
        "ports": [{ "name": "", "port": 8080 }],
        "endpoints": endpoints,
    }))
    .expect("a slice")
}

/// Services that come and go while backends of another one change, for so long; how many changes there were.
async fn churn(client: &Client, backends: &[String], length: Duration) -> u32 {
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let (start, mut changes) = (Instant::now(), 0);
    while start.elapsed() < length {
        // Two that move on: each backend goes and comes back, and one is always there.
        let first = changes as usize % backends.len();
        let second = (first + 1) % backends.len();
        let wanted = slice(&[&backends[first], &backends[second]]);
        let patch = Patch::Merge(&wanted);
        slices.patch("churn-1", &PatchParams::default(), &patch).await.expect("the slice changes");
        let name = format!("vip-{}", changes % 8);
        if changes % 16 < 8 {
            let object = json!({
                "metadata": { "name": name }, "spec": { "ports": [{ "port": 80 }] },
            });
            let object = serde_json::from_value(object).expect("a service");
            services.create(&PostParams::default(), &object).await.expect("a service comes");
        } else {
            services.delete(&name, &Default::default()).await.expect("a service goes");
        }
        changes += 2;
    }
    changes
}

#[tokio::test]
#[ignore = "needs root"]
async fn no_connection_fails_while_services_change_hundreds_of_times_a_second() {
    let lab = Lab::bare("svcchurn", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    all_answer(&client, &url(&cluster_ips(&client, "web").await[0], 80)).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let web = pods.list(&ListParams::default().labels("app=web")).await.expect("listed");
    let backends: Vec<String> =
        web.items.into_iter().filter_map(|pod| pod.status?.pod_ip).collect();
    assert_eq!(backends.len(), 4);
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let object = json!({ "metadata": { "name": "churn" }, "spec": { "ports": [{ "port": 80 }] } });
    let object = serde_json::from_value(object).expect("a service");
    services.create(&PostParams::default(), &object).await.expect("the service is made");
    let first = slice(&[&backends[0], &backends[1]]);
    slices.create(&PostParams::default(), &first).await.expect("the slice is made");
    let vip = eventually("the service has an address", || async {
        let spec = services.get("churn").await.expect("read").spec?;
        let address = spec.cluster_ips?.into_iter().next()?;
        let vip = url(&address, 80);
        (get(&client, &vip).await.0 == 0).then_some(vip)
    })
    .await;
    let mark = lab.name.clone();
    let load = {
        let (client, mark, vip) = (client.clone(), mark.clone(), vip.clone());
        tokio::spawn(async move { run(&client, &["sh", "-c", CLIENT, "sh", &mark, &vip]).await })
    };
    let file = format!("/tmp/busy-{mark}");
    eventually("the client is busy", || async {
        std::path::Path::new(&file).exists().then_some(())
    })
    .await;
    let length = Duration::from_secs(8);
    let changes = churn(&client, &backends, length).await;
    std::fs::remove_file(file).expect("the client is busy");
    let (_, counts) = load.await.expect("the client ends");
    let counts: Vec<u32> =
        counts.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let [failed, all] = counts[..] else { panic!("two numbers") };
    let rate = f64::from(changes) / length.as_secs_f64();
    println!("{changes} changes, {rate:.0} each second; {all} connections, {failed} failed");
    assert!(all > 50, "{all}");
    assert_eq!(failed, 0, "of {all}");
    for vip in cluster_ips(&client, "web").await {
        assert_eq!(get(&client, &url(&vip, 80)).await.0, 0, "nobody else was harmed");
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn connections_to_backends_that_are_gone_are_ended() {
    let lab = Lab::bare("svcgone", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    all_answer(&client, &url(&cluster_ips(&client, "web").await[0], 80)).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let home = pods.get("client").await.expect("read").spec.expect("it has one").node_name;
    let web = pods.list(&ListParams::default().labels("app=web")).await.expect("listed").items;
    let is_near = |pod: &&Pod| pod.spec.as_ref().expect("it has one").node_name == home;
    let (near, far): (Vec<&Pod>, Vec<&Pod>) = web.iter().partition(|pod| is_near(pod));
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let object = json!({ "metadata": { "name": "churn" }, "spec": { "ports": [{ "port": 80 }] } });
    let object = serde_json::from_value(object).expect("a service");
    services.create(&PostParams::default(), &object).await.expect("the service is made");
    let address = |pod: &Pod| pod.status.clone().and_then(|status| status.pod_ip).expect("one");
    let spare = address(near.last().expect("one on the client's node"));
    slices.create(&PostParams::default(), &slice(&[&spare])).await.expect("the slice is made");
    let vip = eventually("the service has an address", || async {
        let spec = services.get("churn").await.expect("read").spec?;
        let vip = url(spec.cluster_ips?.first()?, 80);
        (get(&client, &vip).await.0 == 0).then_some(vip)
    })
    .await;
    for victim in [near[0], far[0]] {
        let name = victim.metadata.name.clone().expect("a name");
        let own = address(victim);
        let patch = |addresses: &[&String]| Patch::Merge(slice(addresses));
        let params = PatchParams::default();
        slices.patch("churn-1", &params, &patch(&[&own])).await.expect("it is the only one");
        eventually("the service leads to it", || async {
            (server(&get(&client, &vip).await.1) == name).then_some(())
        })
        .await;
        let slow = "head -c 100000000 /dev/zero | curl -s --limit-rate 500k -T - -o /dev/null $1";
        let load = {
            let (client, vip) = (client.clone(), vip.clone());
            tokio::spawn(async move { run(&client, &["sh", "-c", slow, "sh", &vip]).await })
        };
        eventually("the client is connected", || async {
            let (_, sockets) =
                run(&client, &["ss", "-Htn", "state", "established", "dst", &own]).await;
            (!sockets.trim().is_empty()).then_some(())
        })
        .await;
        // It goes without a word.
        let (code, said) = run_in(&client, &name, &["ip", "link", "set", "eth0", "down"]).await;
        assert_eq!(code, 0, "{said}");
        let now = kube::api::DeleteParams::default().grace_period(0);
        pods.delete(&name, &now).await.expect("it is deleted");
        slices.patch("churn-1", &params, &patch(&[&spare])).await.expect("another takes over");
        let ended = tokio::time::timeout(Duration::from_secs(30), load).await;
        let (code, _) = ended.expect("nobody waits for it").expect("the client ends");
        assert_ne!(code, 0, "the connection is aborted");
    }
}
