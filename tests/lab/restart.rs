//! Every process of a lab is killed in turn; the lab goes on.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    footprint::Footprint,
    lab::{Lab, eventually, skep, text},
};

/// A name that somebody has given the world.
const NAME: &str = "api.example.org";

/// Kills the processes whose command lines have these words; returns how many there were.
fn kill_all(lab: &Lab, words: &[&str]) -> Vec<i32> {
    let victims = lab.processes(words);
    for pid in &victims {
        kill(Pid::from_raw(*pid), Signal::SIGKILL).ok();
    }
    victims
}

fn verb(lab: &Lab, args: &[&str]) -> std::process::Output {
    skep(&[&["lab"], args, &["--name", &lab.name]].concat())
}

/// Waits until `skep lab status` has no complaint.
async fn is_well(lab: &Lab, what: &str) {
    eventually(what, || async { verb(lab, &["status"]).status.success().then_some(()) }).await;
}

/// Addresses and restarts of every pod, by name.
async fn pods(client: &Client) -> BTreeMap<String, (Option<String>, i32)> {
    let api: Api<Pod> = Api::all(client.clone());
    let pods = api.list(&ListParams::default()).await.expect("pods are listed").items;
    let facts = |pod: &Pod| {
        let status = pod.status.clone().unwrap_or_default();
        let restarts = status.container_statuses.iter().flatten().map(|one| one.restart_count);
        (status.pod_ip, restarts.sum())
    };
    pods.iter().map(|pod| (pod.name_any(), facts(pod))).collect()
}

fn config_map(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map
}

#[tokio::test]
#[ignore = "needs root"]
async fn every_process_killed_in_turn_comes_back_and_nothing_is_lost() {
    let footprint = Footprint::take();
    let lab = Lab::up("revived", &["--nodes", "2"]);
    let added = verb(&lab, &["world", "dns", "add", NAME, "203.0.113.7"]);
    assert!(added.status.success(), "{}", text(&added));
    // What kubelets start again by themselves.
    for words in [&["skep agent"][..], &["skep operator"], &["lab dns"], &["stand-in"]] {
        let victims = kill_all(&lab, words);
        assert!(!victims.is_empty(), "{words:?}");
        eventually(&format!("{words:?} runs again"), || async {
            let now = lab.processes(words);
            let fresh = now.iter().all(|pid| !victims.contains(pid));
            (now.len() == victims.len() && fresh).then_some(())
        })
        .await;
        is_well(&lab, &format!("well after {words:?}")).await;
    }
    let client = lab.client().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let kept = maps.create(&PostParams::default(), &config_map("kept")).await.expect("created");
    let before = pods(&client).await;
    let workers = ["skep agent", "skep operator", "lab dns", "stand-in"];
    let running = workers.map(|words| lab.processes(&[words]));
    // What nobody starts again but `up`.
    for (words, said) in [
        (&["world serve"][..], "the world's servers"),
        (&["lab serve"], "the API server with controllers and kubelets"),
        (
            &[" serve --name"],
            "the API server with controllers and kubelets, and the world's servers",
        ),
    ] {
        assert!(!kill_all(&lab, words).is_empty(), "{words:?}");
        let told = || async {
            let status = verb(&lab, &["status"]);
            let told = text(&status).contains(&format!("{said} ended: `skep lab up --name"));
            (status.status.code() == Some(1) && told).then_some(())
        };
        eventually(&format!("status tells that {words:?} ended"), told).await;
        let other = verb(&lab, &["up", "--nodes", "1"]);
        assert_eq!(other.status.code(), Some(3), "{}", text(&other));
        assert!(text(&other).contains("--nodes 2"), "{}", text(&other));
        let again = verb(&lab, &["up"]);
        assert!(again.status.success(), "{words:?}: {}", text(&again));
        is_well(&lab, &format!("well after {words:?}")).await;
    }
    // The same client, address, authority and certificate; the same objects; pods never noticed.
    assert_eq!(maps.get("kept").await.expect("it is there"), kept);
    assert_eq!(pods(&client).await, before);
    assert_eq!(workers.map(|words| lab.processes(&[words])), running);
    let names = text(&verb(&lab, &["world", "dns", "list"]));
    assert!(names.contains(NAME), "{names}");
    let trusted = ["sh", "-c", "curl -s --cacert /run/lab/world-ca.crt https://198.51.100.10/"];
    assert!(text(&lab.exec("node-1", &trusted)).contains("world"));
    // Kubelets that took pods over end them, and make new ones.
    let api: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let all = ListParams::default();
    let old: Vec<_> =
        api.list(&all).await.expect("listed").items.iter().map(ResourceExt::uid).collect();
    api.delete_collection(&DeleteParams::default(), &all).await.expect("deleted");
    eventually("other pods run in their place", || async {
        let now = api.list(&all).await.ok()?.items;
        let others = now.iter().all(|pod| !old.contains(&pod.uid()));
        (now.len() == old.len() && others).then_some(())
    })
    .await;
    is_well(&lab, "well with new pods").await;
    let config = lab.dir().join("kubeconfig");
    let config = config.to_str().expect("text");
    let test = skep(&["connectivity", "test", "--profile", "smoke", "--kubeconfig", config]);
    assert!(test.status.success(), "{}", text(&test));
    drop(lab);
    footprint.assert_restored();
}
