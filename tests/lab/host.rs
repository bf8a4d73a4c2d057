//! Policies for nodes: what they refuse, and the way back from those that cut a node off.

use k8s_openapi::api::core::v1::{Event, Node};
use kube::{
    Api,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
        PostParams,
    },
};
use serde_json::{Value, json};

use super::{
    lab::{Lab, eventually, skep, text},
    pods::{addresses, node, nodes, pods},
    policy::listed,
};

const KIND: &str = "CiliumClusterwideNetworkPolicy";

async fn policies(lab: &Lab, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cilium.io", "v2", kind));
    let client = lab.client().await;
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

async fn create(lab: &Lab, kind: &str, namespace: Option<&str>, name: &str, spec: Value) {
    let object = json!({
        "apiVersion": "cilium.io/v2", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    });
    let object = serde_json::from_value(object).expect("an object");
    let api = policies(lab, kind, namespace).await;
    api.create(&PostParams::default(), &object).await.expect("the policy is made");
}

fn only_on(node: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/hostname": node } })
}

/// Returns the addresses of a node.
async fn addresses_of(lab: &Lab, name: &str) -> Vec<String> {
    let all = nodes(lab).await;
    let (_, own) = all.into_iter().find(|(node, _)| node == name).expect("the node");
    own.iter().map(ToString::to_string).collect()
}

/// curl's exit code for a connection that was refused.
const REFUSED: i32 = 7;

/// curl's exit code for a connection that nobody answers.
const NO_ANSWER: i32 = 28;

/// Returns where nobody listens at an address.
fn url(address: &str) -> String {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    format!("http://{host}:9/")
}

/// Tells whether a node hears that nobody listens at an address.
pub(crate) fn reaches(lab: &Lab, from: &str, to: &str) -> bool {
    lab.exec(from, &["curl", "-s", "-m", "1", &url(to)]).status.code() == Some(REFUSED)
}

/// Returns how a policy is doing on a node: its state and reason.
fn state(lab: &Lab, name: &str, node: &str) -> (String, String) {
    let all = listed(lab, &["policy", "list"]);
    let own = all.iter().find(|item| item["name"] == name && item["nodeName"] == node);
    let text = |field: &str| own.and_then(|own| own[field].as_str()).unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}

/// Returns what a node's agent says of its host firewall.
fn host_firewall(lab: &Lab, node: &str) -> (String, String) {
    let all = listed(lab, &["status"]);
    let own = all.iter().find(|item| item["nodeName"] == node).expect("the node answers");
    let parts = own["components"].as_array().expect("components");
    let part = parts.iter().find(|part| part["name"] == "host-firewall").expect("it is one");
    let text = |field: &str| part[field].as_str().unwrap_or_default().to_owned();
    (text("health"), text("message"))
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_policy_for_a_node_keeps_others_out_and_what_passes_it_by_goes_on() {
    let lab = Lab::up("host", &["--nodes", "2"]);
    let (near, far) = (addresses_of(&lab, "node-1").await, addresses_of(&lab, "node-2").await);
    assert!(near.len() == 2 && near.iter().all(|address| reaches(&lab, "node-2", address)));
    let spec = json!({
        "nodeSelector": only_on("node-1"),
        "ingress": [{ "fromEntities": ["kube-apiserver"] }],
    });
    create(&lab, KIND, None, "quiet", spec).await;
    for address in &near {
        eventually("node-1 is closed", || async {
            (!reaches(&lab, "node-2", address)).then_some(())
        })
        .await;
    }
    eventually("the policy is confirmed", || async {
        (host_firewall(&lab, "node-1") == ("ok".to_owned(), "1 policies".to_owned())).then_some(())
    })
    .await;
    assert_eq!(host_firewall(&lab, "node-2").1, "0 policies");
    assert_eq!(state(&lab, "quiet", "node-1").0, "enforced");
    // What the node opens, and what pods say to each other over it, is none of the policy's business.
    for address in &far {
        assert!(reaches(&lab, "node-1", address), "{address}");
    }
    let api = pods(&lab, "api").await;
    for pod in api.iter().filter(|pod| node(pod) == "node-1") {
        for address in addresses(pod) {
            assert!(reaches(&lab, "node-2", &address.to_string()), "{address}");
        }
    }
    let api = policies(&lab, KIND, None).await;
    api.delete("quiet", &DeleteParams::default()).await.expect("the policy is deleted");
    for address in &near {
        eventually("node-1 is open", || async { reaches(&lab, "node-2", address).then_some(()) })
            .await;
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_policy_that_cuts_a_node_off_is_taken_back_and_told() {
    let lab = Lab::bare("cut", &["--nodes", "2"]);
    let near = addresses_of(&lab, "node-1").await;
    let spec = json!({
        "nodeSelector": only_on("node-2"),
        "egress": [{ "toEntities": ["world"], "toPorts": [{ "ports": [{ "port": "9" }] }] }],
    });
    create(&lab, KIND, None, "cut-off", spec).await;
    for address in &near {
        eventually("node-2 is cut off", || async {
            (!reaches(&lab, "node-2", address)).then_some(())
        })
        .await;
    }
    for address in &near {
        eventually("node-2 is back", || async { reaches(&lab, "node-2", address).then_some(()) })
            .await;
    }
    let (health, message) = eventually("the agent tells", || async {
        Some(host_firewall(&lab, "node-2")).filter(|(health, _)| health == "failing")
    })
    .await;
    assert!(
        message.contains("taken back") && message.contains("API server"),
        "{health}: {message}"
    );
    let (rejected, reason) = state(&lab, "cut-off", "node-2");
    assert_eq!(rejected, "rejected", "{reason}");
    assert_eq!(state(&lab, "cut-off", "node-1").0, "enforced");
    let events: Api<Event> = Api::namespaced(lab.client().await, "default");
    eventually("an Event tells", || async {
        let all = events.list(&ListParams::default()).await.expect("a list");
        let is_it = |event: &Event| {
            event.reason.as_deref() == Some("HostPolicyTakenBack")
                && event.involved_object.name.as_deref() == Some("node-2")
        };
        all.items.into_iter().find(is_it)
    })
    .await;
    // A restart forgets that it was refused, and finds out again.
    let log = text(&skep(&["lab", "logs", "--name", &lab.name, "node-2"]));
    assert!(log.contains("taken back"), "{log}");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_policy_that_keeps_the_api_server_from_the_kubelet_is_taken_back() {
    let lab = Lab::bare("kubelet", &["--nodes", "1"]);
    // A lab's kubelet listens nowhere; those of clusters say where.
    let port = json!({ "status": { "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } } } });
    let nodes: Api<Node> = Api::all(lab.client().await);
    let written = nodes.patch_status("node-1", &PatchParams::default(), &Patch::Merge(port)).await;
    assert!(written.expect("a patch").status.expect("a status").daemon_endpoints.is_some());
    let ingress = |port: &str| {
        json!({
            "nodeSelector": only_on("node-1"),
            "ingress": [{ "fromEntities": ["kube-apiserver"],
                          "toPorts": [{ "ports": [{ "port": port, "protocol": "TCP" }] }] }],
        })
    };
    create(&lab, KIND, None, "right", ingress("10250")).await;
    eventually("who lets it in is confirmed", || async {
        (host_firewall(&lab, "node-1") == ("ok".to_owned(), "1 policies".to_owned())).then_some(())
    })
    .await;
    let api = policies(&lab, KIND, None).await;
    let patch = Patch::Merge(json!({ "spec": ingress("22") }));
    api.patch("right", &PatchParams::default(), &patch).await.expect("a patch");
    let (_, message) = eventually("who does not is taken back", || async {
        Some(host_firewall(&lab, "node-1")).filter(|(health, _)| health == "failing")
    })
    .await;
    assert!(
        message.contains("taken back")
            && message.contains("may not reach the kubelet's port 10250"),
        "{message}"
    );
    assert_eq!(state(&lab, "right", "node-1").0, "rejected");
    // What was confirmed counts: the node is not open to everybody.
    for address in addresses_of(&lab, "node-1").await {
        let asked = lab.within("world", &["curl", "-s", "-m", "1", &url(&address)]);
        assert_eq!(asked.status.code(), Some(NO_ANSWER), "{address}");
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn nodes_are_told_apart_by_their_labels_in_both_modes() {
    for mode in ["vxlan", "native"] {
        let lab = Lab::up("told-apart", &["--nodes", "3", "--routing", mode]);
        let api = pods(&lab, "api").await;
        let home = node(&api[0]);
        let mut others = ["node-1", "node-2", "node-3"].into_iter().filter(|node| *node != home);
        let (denied, allowed) = (others.next().expect("one"), others.next().expect("two"));
        let spec = json!({
            "endpointSelector": { "matchLabels": { "app.kubernetes.io/name": "api" } },
            "enableDefaultDeny": { "ingress": false, "egress": false },
            "ingressDeny": [{ "fromNodes": [only_on(denied)] }],
        });
        create(&lab, "CiliumNetworkPolicy", Some("shop"), "not-from", spec).await;
        for address in addresses(&api[0]) {
            let address = address.to_string();
            eventually("one node is refused", || async {
                (!reaches(&lab, denied, &address)).then_some(())
            })
            .await;
            assert!(reaches(&lab, allowed, &address), "{mode}: {allowed} to {address}");
            assert!(reaches(&lab, &home, &address), "{mode}: {home} to {address}");
        }
    }
}

/// Somebody behind a node, for whom the node is the router; tells the process whose namespace that is.
const BEHIND: &str = r#"
set -e
unshare --net sleep 600 >/dev/null 2>&1 &
own=$(readlink /proc/$$/ns/net)
until other=$(readlink /proc/$!/ns/net) && [ "$other" != "$own" ]; do :; done
ip link add r0 type veth peer name r1 netns $!
ip address add 10.77.0.1/24 dev r0
ip address add fd77::1/64 dev r0 nodad
ip link set r0 up
behind="nsenter --target $! --net ip"
$behind address add 10.77.0.2/24 dev r1
$behind address add fd77::2/64 dev r1 nodad
$behind link set r1 up
$behind route add default via 10.77.0.1
$behind -6 route add default via fd77::1
echo $!
"#;

#[tokio::test]
#[ignore = "needs root"]
async fn a_protected_node_routes_for_others_and_has_no_address_that_is_open() {
    let lab = Lab::bare("router", &["--nodes", "2"]);
    let router = addresses_of(&lab, "node-2").await;
    let made = lab.exec("node-2", &["sh", "-c", BEHIND]);
    assert!(made.status.success(), "{}", text(&made));
    let behind = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    for (net, via) in [("10.77.0.0/24", &router[0]), ("fd77::/64", &router[1])] {
        let made = lab.exec("node-1", &["ip", "route", "add", net, "via", via]);
        assert!(made.status.success(), "{}", text(&made));
    }
    let spec = json!({
        "nodeSelector": only_on("node-2"),
        "ingress": [{ "fromEntities": ["kube-apiserver"] }],
    });
    create(&lab, KIND, None, "quiet", spec).await;
    // Those that the cluster knows, and those that it does not.
    for address in router.iter().map(String::as_str).chain(["10.77.0.1", "fd77::1"]) {
        eventually("node-2 is closed", || async {
            (!reaches(&lab, "node-1", address)).then_some(())
        })
        .await;
    }
    for address in ["10.77.0.2", "fd77::2"] {
        assert!(reaches(&lab, "node-1", address), "{address} is nobody's of the policy");
    }
    for address in addresses_of(&lab, "node-1").await {
        let url = url(&address);
        let curl = ["curl", "-s", "-m", "1", &url];
        let asked = [&["nsenter", "--target", &behind, "--net"], &curl[..]].concat();
        assert_eq!(lab.exec("node-2", &asked).status.code(), Some(REFUSED), "{address}");
    }
}
