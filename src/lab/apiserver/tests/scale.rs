//! A thousand pods and many watchers.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use super::harness::Lab;

const PODS: usize = 1000;
const WATCHERS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_are_listed_and_watched() {
    let lab = Lab::start().await;
    let api: Api<Pod> = Api::default_namespaced(lab.client().await);
    let watchers: Vec<_> = (0..WATCHERS)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move {
                let events = api.watch(&WatchParams::default(), "1").await.unwrap();
                let added =
                    events.try_filter(|e| std::future::ready(matches!(e, WatchEvent::Added(_))));
                added.take(PODS).count().await
            })
        })
        .collect();
    let started = Instant::now();
    futures::stream::iter(0..PODS)
        .for_each_concurrent(16, |n| {
            let api = &api;
            async move {
                let pod: Pod = serde_json::from_value(json!({
                    "metadata": {"name": format!("pod-{n}"), "labels": {"app": "web"}},
                    "spec": {"nodeName": "node-1", "containers": [{"name": "c", "image": "x:1"}]},
                }))
                .unwrap();
                api.create(&PostParams::default(), &pod).await.unwrap();
            }
        })
        .await;
    let created = started.elapsed();
    for watcher in watchers {
        let seen = tokio::time::timeout(Duration::from_secs(60), watcher).await.unwrap().unwrap();
        assert_eq!(seen, PODS);
    }
    let watched = started.elapsed();
    let started = Instant::now();
    let listed = api.list(&ListParams::default()).await.unwrap();
    println!(
        "created in {created:?}, seen by {WATCHERS} watchers after {watched:?}, listed in {:?}",
        started.elapsed()
    );
    assert_eq!(listed.items.len(), PODS);
}
