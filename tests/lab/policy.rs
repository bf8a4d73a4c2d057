//! Policies in a running cluster: what counts when things change and break.

use std::{process::Output, thread, time::Duration};

use k8s_openapi::api::{core::v1::Pod, networking::v1::NetworkPolicy};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    faults::{Stream, lost, run, signal},
    lab::{Lab, eventually, skep, text},
    pods::{addresses, netns, pods},
};

pub(crate) const SHOP: &str = "shop";
const PACE: Duration = Duration::from_millis(1);

/// Lets the frontend reach the api's statistics, and nobody else.
pub(crate) fn only_frontend() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "only-frontend", "namespace": SHOP },
        "spec": {
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": "api" } },
            "policyTypes": ["Ingress"],
            "ingress": [{
                "from": [{ "podSelector": { "matchLabels": { "app.kubernetes.io/name": "frontend" } } }],
                "ports": [{ "protocol": "UDP", "port": 8125 }],
            }],
        },
    })
}

/// Another policy of the same pods, which lets nobody in who exists.
fn noise(n: u32) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "noise", "namespace": SHOP },
        "spec": {
            "podSelector": { "matchLabels": { "app.kubernetes.io/part-of": "shop" } },
            "policyTypes": ["Ingress"],
            "ingress": [
                { "from": [{ "podSelector": { "matchLabels": { "nobody": n.to_string() } } }] },
                { "from": [{ "podSelector": { "matchLabels": { "app.kubernetes.io/name": "frontend" } } }] },
            ],
        },
    })
}

pub(crate) async fn apply(lab: &Lab, object: &Value) {
    let api: Api<NetworkPolicy> = Api::namespaced(lab.client().await, SHOP);
    let name = object["metadata"]["name"].as_str().expect("a name");
    let by = PatchParams::apply("test").force();
    api.patch(name, &by, &Patch::Apply(object)).await.expect("the policy is applied");
}

async fn delete(lab: &Lab, name: &str) {
    let api: Api<NetworkPolicy> = Api::namespaced(lab.client().await, SHOP);
    api.delete(name, &DeleteParams::default()).await.expect("the policy is deleted");
}

/// Runs skep against the lab from outside.
pub(crate) fn ask(lab: &Lab, args: &[&str]) -> Output {
    let kubeconfig = lab.dir().join("kubeconfig");
    skep(&[args, &["--kubeconfig", kubeconfig.to_str().expect("text")]].concat())
}

pub(crate) fn items(lab: &Lab, args: &[&str]) -> Vec<Value> {
    let output = ask(lab, &[args, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output));
    parse(&output)
}

/// Returns the items of a list, whatever the exit code says of them.
pub(crate) fn listed(lab: &Lab, args: &[&str]) -> Vec<Value> {
    parse(&ask(lab, &[args, &["-o", "json"]].concat()))
}

fn parse(output: &Output) -> Vec<Value> {
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    list["items"].as_array().expect("a list").clone()
}

/// Streams from one pod to every api pod by both families.
pub(crate) fn streams(lab: &Lab, from: &Pod, to: &[Pod]) -> Vec<Stream> {
    to.iter().flat_map(addresses).map(|address| Stream::start(lab, from, address)).collect()
}

#[test]
#[ignore = "needs root"]
fn nothing_denied_passes_and_nothing_allowed_is_lost_whatever_happens() {
    let lab = Lab::up("policy", &["--nodes", "2"]);
    let runtime = Runtime::new().expect("a runtime");
    let (frontend, database, api) = runtime.block_on(async {
        apply(&lab, &only_frontend()).await;
        (pods(&lab, "frontend").await, pods(&lab, "database").await, pods(&lab, "api").await)
    });
    let waited = ask(&lab, &["policy", "wait", "only-frontend", "-n", SHOP]);
    assert!(waited.status.success(), "{}", text(&waited));

    let mut allowed = streams(&lab, &frontend[0], &api);
    let mut denied = streams(&lab, &database[0], &api);
    let agents = lab.processes(&["skep agent"]);
    assert_eq!(agents.len(), 2);
    thread::scope(|scope| {
        let probes = [&mut allowed, &mut denied];
        let probes = probes.map(|probe| scope.spawn(|| run(probe, PACE, Duration::from_secs(8))));
        for n in 0..60 {
            runtime.block_on(apply(&lab, &noise(n)));
            if n == 20 {
                agents.iter().for_each(|agent| signal(*agent, Signal::SIGKILL));
            }
        }
        runtime.block_on(delete(&lab, "noise"));
        probes.into_iter().for_each(|probe| probe.join().expect("no panic"));
    });
    let again = lab.processes(&["skep agent"]);
    assert!(again.len() == 2 && again.iter().all(|pid| !agents.contains(pid)), "{again:?}");
    // A server that does not get to run loses what its sockets have no room for: not the datapath's doing.
    let overflown: Vec<u32> = api.iter().flat_map(|pod| overflows(&lab, pod)).collect();
    let missing = lost(&mut allowed);
    let passed: u32 = denied.iter().map(|stream| stream.received).sum();
    let sent: u32 = allowed.iter().chain(&denied).map(|stream| stream.sent).sum();
    println!(
        "{sent} datagrams, 61 changes and a kill of all agents: lost {missing:?}, of which servers had no room for {overflown:?}, passed {passed}"
    );
    let explained = missing.iter().zip(&overflown).all(|(lost, own)| lost <= own);
    assert!(explained, "{missing:?} {overflown:?}: {}", drops(&lab));
    assert_eq!(passed, 0);

    told(&lab);
    refused(&lab, &runtime);
}

/// Returns how many datagrams found no room in a pod's sockets, IPv4 first (`RcvbufErrors`, RFC 4113).
fn overflows(lab: &Lab, pod: &Pod) -> [u32; 2] {
    netns(lab, pod)
        .run(|| {
            let v4 = std::fs::read_to_string("/proc/thread-self/net/snmp").expect("counters");
            let mut udp = v4.lines().filter_map(|line| line.strip_prefix("Udp: "));
            let (names, values) = (udp.next().expect("names"), udp.next().expect("values"));
            let own =
                names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "RcvbufErrors");
            let v6 = std::fs::read_to_string("/proc/thread-self/net/snmp6").expect("counters");
            let other = v6.lines().find_map(|line| line.strip_prefix("Udp6RcvbufErrors"));
            let number =
                |text: Option<&str>| text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            [number(own.map(|(_, value)| value)), number(other)]
        })
        .expect("the pod's namespace")
}

/// What the agents say of dropped packets.
fn drops(lab: &Lab) -> String {
    text(&ask(lab, &["observe", "--verdict", "DROPPED", "--last", "20000", "--port", "8125"]))
        .lines()
        .filter(|line| line.contains("shop/frontend-"))
        .take(20)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What the commands say of the policy.
fn told(lab: &Lab) {
    let policies = items(lab, &["policy", "list", "-n", SHOP]);
    assert_eq!(policies.len(), 2, "one on each node: {policies:?}");
    for policy in &policies {
        assert_eq!(policy["state"], "enforced", "{policy}");
        assert!(!policy["endpoints"].as_array().expect("a list").is_empty(), "{policy}");
        let hits = policy["hits"].as_array().expect("a list");
        let count =
            |rule: &str| hits.iter().find(|h| h["rule"] == rule).map(|h| h["count"].clone());
        assert!(count("").is_some(), "isolation was told: {policy}");
    }
    let entries = items(lab, &["bpf", "policy", "list"]);
    let rule = "NetworkPolicy shop/only-frontend spec.ingress[0]";
    let allows = |e: &&Value| e["rule"] == rule && e["verdict"] == "allow";
    let found = entries.iter().find(allows).unwrap_or_else(|| panic!("{entries:?}"));
    assert_eq!(found["ports"], json!(["8125/udp"]));
    assert_eq!(found["identities"].as_array().map(Vec::len), Some(1), "{found}");
}

/// A policy that cannot be accepted is told everywhere, and isolates whom it selects until it is gone.
fn refused(lab: &Lab, runtime: &Runtime) {
    let absent = ask(lab, &["policy", "wait", "nobody", "-n", SHOP]);
    assert_eq!(absent.status.code(), Some(1), "{}", text(&absent));
    let broken = json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
        "metadata": { "name": "broken", "namespace": SHOP },
        "spec": { "endpointSelector": {}, "ingress": [{ "fromCIDR": ["10.0.0.0/99"] }] },
    });
    let resource = kube::api::ApiResource::from_gvk_with_plural(
        &kube::api::GroupVersionKind::gvk("cilium.io", "v2", "CiliumNetworkPolicy"),
        "ciliumnetworkpolicies",
    );
    runtime.block_on(async {
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(lab.client().await, SHOP, &resource);
        let by = PatchParams::apply("test").force();
        api.patch("broken", &by, &Patch::Apply(&broken)).await.expect("the server takes it");
    });
    let waited = ask(lab, &["policy", "wait", "broken", "-n", SHOP]);
    assert_eq!(waited.status.code(), Some(1), "{}", text(&waited));
    assert!(text(&waited).contains("10.0.0.0/99"), "{}", text(&waited));
    assert_eq!(ask(lab, &["status"]).status.code(), Some(1), "a refused policy turns it red");
    runtime.block_on(eventually("the object says it, and an Event", || async {
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(lab.client().await, SHOP, &resource);
        let object = api.get("broken").await.ok()?;
        let conditions = object.data.pointer("/status/conditions")?.as_array()?;
        let is_told = |c: &Value| c["type"] == "Valid" && c["status"] == "False";
        let events: Api<k8s_openapi::api::core::v1::Event> =
            Api::namespaced(lab.client().await, SHOP);
        let events = events.list(&kube::api::ListParams::default()).await.ok()?;
        let is_warned = events.items.iter().any(|e| e.reason.as_deref() == Some("PolicyInvalid"));
        (conditions.iter().any(is_told) && is_warned).then_some(())
    }));
    runtime.block_on(async {
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(lab.client().await, SHOP, &resource);
        api.delete("broken", &DeleteParams::default()).await.expect("deleted");
    });
    runtime.block_on(eventually("all is well again", || async {
        ask(lab, &["status"]).status.success().then_some(())
    }));
}
