//! A thousand pods and many watchers.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::harness::{Lab, TOKEN};

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

const OBJECTS: usize = 5000;
const MANY_WATCHERS: usize = 200;

/// Resident memory of this process, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Reads lines of a watch until one has the mark.
async fn read_until(
    stream: &mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>,
    mark: &str,
) {
    let (mut buffer, mut tail) = (vec![0; 4096], Vec::new());
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the watch goes on");
        tail.extend_from_slice(&buffer[..read]);
        if String::from_utf8_lossy(&tail).contains(mark) {
            return;
        }
        tail.drain(..tail.len().saturating_sub(mark.len()));
    }
}

#[test]
fn two_hundred_watchers_of_five_thousand_objects_fit_into_memory() {
    // In a process of its own, as the memory of all tests of this one is counted together.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lab::apiserver::tests::scale::memory_of_many_watchers"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test above, alone"]
async fn memory_of_many_watchers() {
    let lab = Lab::start().await;
    let api: Api<Pod> = Api::default_namespaced(lab.client().await);
    let make = |name: String| -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "c", "image": "x:1"}]},
        }))
        .unwrap()
    };
    futures::stream::iter(0..OBJECTS)
        .for_each_concurrent(32, |n| {
            let (api, pod) = (&api, make(format!("pod-{n}")));
            async move { drop(api.create(&PostParams::default(), &pod).await.unwrap()) }
        })
        .await;
    let now = api.list(&ListParams::default().limit(1)).await.unwrap();
    let version = now.metadata.resource_version.unwrap();
    let mut watchers = Vec::new();
    for _ in 0..MANY_WATCHERS {
        let mut stream = lab.connect().await;
        let request = format!(
            "GET /api/v1/pods?watch=1&resourceVersion={version} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        watchers.push(tokio::spawn(async move { read_until(&mut stream, "\"last\"").await }));
    }
    for n in 0..20 {
        api.create(&PostParams::default(), &make(format!("more-{n}"))).await.unwrap();
    }
    api.create(&PostParams::default(), &make("last".to_owned())).await.unwrap();
    for watcher in watchers {
        tokio::time::timeout(Duration::from_secs(60), watcher).await.unwrap().unwrap();
    }
    // The clients of the watches are in this process too.
    let resident = resident();
    println!("{OBJECTS} objects and {MANY_WATCHERS} watchers: {resident} MB resident");
    assert!(resident <= 300, "{resident} MB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn kubectl_lists_a_thousand_pods() {
    let lab = Lab::start().await;
    let api: Api<Pod> = Api::default_namespaced(lab.client().await);
    for n in 0..PODS {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": format!("pod-{n}")},
            "spec": {"nodeName": "node-1", "containers": [{"name": "c", "image": "x:1"}]},
        }))
        .unwrap();
        api.create(&PostParams::default(), &pod).await.unwrap();
    }
    let config = lab.kubeconfig_file();
    let mut times = Vec::new();
    for _ in 0..6 {
        let started = Instant::now();
        let output = tokio::process::Command::new("kubectl")
            .args(["get", "pods", "-A"])
            .env("KUBECONFIG", &config)
            .env("KUBECACHEDIR", lab.path("cache"))
            .output()
            .await
            .unwrap();
        times.push(started.elapsed());
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), PODS + 1);
    }
    println!("kubectl get pods -A with {PODS} pods: {times:?}");
}
