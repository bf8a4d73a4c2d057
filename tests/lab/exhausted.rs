//! Nodes that run out of addresses.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Event, Pod},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    lab::{Lab, eventually},
    runtime::Runtime,
};

/// The pods that want addresses.
const CROWD: &str = "crowd";
/// How many more there are than addresses.
const TOO_MANY: usize = 2;
/// Codes of the specification.
const TRY_LATER: u64 = 11;
const NOT_AVAILABLE: u64 = 50;

async fn start_crowd(client: &Client, size: usize) {
    let labels = json!({ "app": CROWD });
    let deployment = serde_json::from_value(json!({
        "metadata": { "name": CROWD },
        "spec": {
            "replicas": size,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "one", "image": "none" }] },
            },
        },
    }))
    .expect("a deployment");
    let api: Api<Deployment> = Api::default_namespaced(client.clone());
    api.create(&PostParams::default(), &deployment).await.expect("it is created");
}

/// Returns the names of the crowd's pods in a phase.
async fn in_phase(client: &Client, phase: &str) -> BTreeSet<String> {
    let api: Api<Pod> = Api::default_namespaced(client.clone());
    let pods = api.list(&ListParams::default()).await.expect("pods are listed").items;
    let lives = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let found = lives.filter(|pod| {
        pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some(phase)
    });
    found.map(ResourceExt::name_any).collect()
}

/// Returns what the events of a pod say.
async fn events(client: &Client, pod: &str) -> Vec<String> {
    let api: Api<Event> = Api::default_namespaced(client.clone());
    let events = api.list(&ListParams::default()).await.expect("events are listed").items;
    let about =
        events.into_iter().filter(|event| event.involved_object.name.as_deref() == Some(pod));
    about.filter_map(|event| event.message).collect()
}

/// A lab whose node has `room` addresses of a family.
fn a_full_node(name: &str, args: &[&str], room: usize, family: &str) {
    let lab = Lab::bare(name, &[&["--nodes", "1"], args].concat());
    let plugin = Runtime { lab: &lab, node: "node-1" };
    let status = || plugin.call("STATUS", "none", &json!({}));
    assert_eq!(status().code, 0);
    let exhausted = format!("no {family} address is free: {room} in use");
    // The cluster's DNS has some already.
    let free = room - plugin.records().len();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let first = runtime.block_on(async {
        let client = lab.client().await;
        start_crowd(&client, free + TOO_MANY).await;
        let running = eventually("all addresses are in use", || async {
            let running = in_phase(&client, "Running").await;
            (running.len() == free).then_some(running)
        })
        .await;
        let waiting = in_phase(&client, "Pending").await;
        assert_eq!(waiting.len(), TOO_MANY, "{waiting:?}");
        for pod in &waiting {
            let told = || async {
                let events = events(&client, pod).await;
                events.iter().any(|message| message.contains(&exhausted)).then_some(())
            };
            eventually("an event says why the pod waits", told).await;
        }
        running
    });
    let full = status();
    assert_eq!(full.code, NOT_AVAILABLE, "{full:?}");
    assert!(full.message().contains(&exhausted), "{full:?}");
    plugin.ip("netns add crowd-more");
    let more = plugin.call("ADD", "crowd-more", &json!({}));
    assert_eq!(more.code, TRY_LATER, "{more:?}");
    assert!(more.message().contains(&exhausted), "{more:?}");
    assert_eq!(plugin.records().len(), room, "what was refused has left something");
    runtime.block_on(async {
        let client = lab.client().await;
        let api: Api<Pod> = Api::default_namespaced(client.clone());
        let gone: Vec<&String> = first.iter().take(TOO_MANY).collect();
        for name in &gone {
            api.delete(name, &DeleteParams::default()).await.expect("it is deleted");
        }
        eventually("others start in their place", || async {
            let running = in_phase(&client, "Running").await;
            let others = running.difference(&first).count();
            (running.len() == free && others == TOO_MANY).then_some(())
        })
        .await;
        let mut used: Vec<_> = plugin
            .records()
            .iter()
            .flat_map(|one| one.addresses.iter().collect::<Vec<_>>())
            .collect();
        let count = used.len();
        used.sort_unstable();
        used.dedup();
        assert_eq!((used.len(), count), (2 * room, 2 * room), "an address was given twice");
        let none = json!({ "spec": { "replicas": 0 } });
        let api: Api<Deployment> = Api::default_namespaced(client.clone());
        api.patch(CROWD, &PatchParams::default(), &Patch::Merge(&none)).await.expect("scaled");
        eventually("the node has addresses again", || async { (status().code == 0).then_some(()) })
            .await;
    });
    println!(
        "{name}: {free} pods of {} run, STATUS {}, ADD {}: {exhausted}; deleted ones made room",
        free + TOO_MANY,
        full.code,
        more.code
    );
}

#[test]
#[ignore = "needs root"]
fn pods_without_an_ipv4_address_wait_until_others_go() {
    a_full_node("full-v4", &["--node-cidr-mask-size-ipv4", "29"], 6, "IPv4");
}

#[test]
#[ignore = "needs root"]
fn pods_without_an_ipv6_address_wait_until_others_go() {
    a_full_node("full-v6", &["--node-cidr-mask-size-ipv6", "125"], 7, "IPv6");
}
