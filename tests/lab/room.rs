//! Nodes that have too little room for a service or a policy.

use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Event, Service},
    discovery::v1::EndpointSlice,
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{
    lab::{Lab, eventually, text},
    policy::listed,
    services::{APP, all_answer, cluster_ips, get, url},
};

const SKEP: &str = env!("CARGO_BIN_EXE_skep");
/// What the stand-in of a container runs.
const COMMAND: &str = "lab.skep.io/command";
/// The least room that an agent takes: enough for the lab's own services and the application.
const ROOM: u32 = 1024;
/// Too many for it, each of as many addresses as the API allows.
const SLICES: u8 = 12;

/// Starts the agents anew, with little room by this setting.
async fn take_room(lab: &Lab, client: &Client, setting: &str) {
    let before = lab.processes(&["agent", "--node-name"]);
    let agents: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    let agent = agents.get("skep").await.expect("the agents' object");
    let annotations = agent.spec.template.metadata.and_then(|metadata| metadata.annotations);
    let command = &annotations.expect("annotations")[COMMAND];
    let (before_room, rest) = command.split_once(&format!("--{setting} ")).expect("a setting");
    let (_, after_room) = rest.split_once(' ').expect("more settings");
    let room = format!("--{setting}={ROOM}");
    let command = format!("{before_room}{room} {after_room}");
    let metadata = json!({ "annotations": { COMMAND: command } });
    let patch = json!({ "spec": { "template": { "metadata": metadata } } });
    let params = PatchParams::default();
    agents.patch("skep", &params, &Patch::Merge(&patch)).await.expect("they change");
    eventually("an agent with little room is ready", || async {
        let now = lab.processes(&[&room]);
        let is_new = !now.is_empty() && now.iter().all(|agent| !before.contains(agent));
        (is_new && status(lab).0 == Some(0)).then_some(())
    })
    .await;
}

/// What the agent says of itself: the exit code and the words.
fn status(lab: &Lab) -> (Option<i32>, String) {
    let output = lab.exec("node-1", &[SKEP, "status"]);
    (output.status.code(), text(&output))
}

/// Tells whether the node enforces a policy.
fn is_enforced(lab: &Lab, name: &str) -> Option<()> {
    let all = listed(lab, &["policy", "list"]);
    let is_it = |policy: &Value| policy["name"] == name && policy["state"] == "enforced";
    all.iter().any(is_it).then_some(())
}

fn slice(number: u8) -> EndpointSlice {
    let endpoints: Vec<Value> =
        (1..=100).map(|host| json!({ "addresses": [format!("10.99.{number}.{host}")] })).collect();
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("vast-{number}"),
            "labels": { "kubernetes.io/service-name": "vast" },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "", "port": 8080 }],
        "endpoints": endpoints,
    }))
    .expect("a slice")
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_service_without_room_is_told_and_the_others_go_on() {
    let lab = Lab::bare("room", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    take_room(&lab, &client, "backend-entries").await;
    let web = url(&cluster_ips(&client, "web").await[0], 80);
    all_answer(&client, &web).await;

    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let vast = json!({ "metadata": { "name": "vast" }, "spec": { "ports": [{ "port": 80 }] } });
    let vast = serde_json::from_value(vast).expect("a service");
    services.create(&PostParams::default(), &vast).await.expect("it is made");
    for number in 0..SLICES {
        slices.create(&PostParams::default(), &slice(number)).await.expect("it is made");
    }
    let events: Api<Event> = Api::namespaced(client.clone(), "default");
    let message = eventually("an Event tells", || async {
        let all = events.list(&ListParams::default()).await.expect("a list");
        let is_it = |event: &Event| {
            event.reason.as_deref() == Some("NotBalanced")
                && event.involved_object.name.as_deref() == Some("vast")
        };
        all.items.into_iter().find(is_it)?.message
    })
    .await;
    assert!(message.contains("lacks backends on node node-1"), "{message}");
    assert!(message.contains("backend-entries"), "{message}");
    let (code, told) = status(&lab);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("is full; the agent's setting backend-entries"), "{told}");
    all_answer(&client, &web).await;

    // Those that stay include who had no room.
    for number in 0..SLICES / 2 {
        let name = format!("vast-{number}");
        slices.delete(&name, &Default::default()).await.expect("it goes");
    }
    eventually("all is well again", || async { (status(&lab).0 == Some(0)).then_some(()) }).await;
    let list = [SKEP, "bpf", "lb", "list", "--backends", "-o", "json"];
    let backends = text(&lab.exec("node-1", &list));
    let vast = (SLICES / 2..SLICES).flat_map(|number| (1..=100).map(move |host| (number, host)));
    let quoted = vast.map(|(number, host)| format!("\"10.99.{number}.{host}\""));
    assert_eq!(quoted.filter(|address| !backends.contains(address)).count(), 0, "{backends}");
}

/// Lets nobody who is there reach the pods of an application, at so many ports that there is room for
/// one such policy only.
fn vast_policy(app: &str) -> NetworkPolicy {
    let ports: Vec<Value> = (0..ROOM / 8).map(|n| json!({ "port": 1 + 2 * n })).collect();
    serde_json::from_value(json!({
        "metadata": { "name": app },
        "spec": {
            "podSelector": { "matchLabels": { "app": app } },
            "ingress": [{
                "from": [{ "podSelector": { "matchLabels": { "app": "nobody" } } }],
                "ports": ports,
            }],
        },
    }))
    .expect("a policy")
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_policy_without_room_is_told_and_what_counted_before_stays() {
    let lab = Lab::bare("rules", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    take_room(&lab, &client, "policy-entries").await;
    let web = url(&cluster_ips(&client, "web").await[0], 80);
    all_answer(&client, &web).await;

    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), "default");
    policies.create(&PostParams::default(), &vast_policy("lone")).await.expect("it is made");
    eventually("there is room for one", || async { is_enforced(&lab, "lone") }).await;
    policies.create(&PostParams::default(), &vast_policy("web")).await.expect("it is made");
    let told = eventually("the agent tells that there is none for the other", || async {
        let (code, told) = status(&lab);
        (code == Some(1)).then_some(told)
    })
    .await;
    assert!(told.contains("4 endpoints wait for their new policies"), "{told}");
    assert!(told.contains("is full; the agent's setting policy-entries"), "{told}");
    assert_eq!(is_enforced(&lab, "web"), None);
    all_answer(&client, &web).await;

    policies.delete("lone", &Default::default()).await.expect("it goes");
    eventually("its room goes to the other", || async { is_enforced(&lab, "web") }).await;
    let (code, told) = status(&lab);
    assert_eq!(code, Some(0), "{told}");
    let (code, page) = get(&client, &web).await;
    assert_ne!(code, 0, "{page}");
}
