//! What a server must survive: being killed, bursts, readers that do not read, large and malformed objects.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::harness::{Lab, TOKEN};
use super::protocol::send;
use crate::lab::apiserver::Limits;

fn configmap(name: &str, data: Value) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": data})).unwrap()
}

fn refusal(error: kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.message.clone()),
        other => panic!("{other}"),
    }
}

fn definition() -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    }))
    .unwrap()
}

fn things(client: &kube::Client) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Thing"));
    Api::default_namespaced_with(client.clone(), &kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_again_knows_its_objects_and_watchers_recover() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let definitions = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
    ));
    let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &definitions);
    definitions.create(&PostParams::default(), &definition()).await.unwrap();
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"a": 1}});
    let thing: DynamicObject = serde_json::from_value(thing).unwrap();
    things(&client).create(&PostParams::default(), &thing).await.unwrap();
    for name in ["stays", "goes"] {
        api.create(&PostParams::default(), &configmap(name, json!({"k": "1"}))).await.unwrap();
    }
    api.delete("goes", &DeleteParams::default()).await.unwrap();
    let before = api.get("stays").await.unwrap();
    let token = lab.server.service_account_token("default", "default");
    let mut events = Box::pin(
        watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects(),
    );
    while events.try_next().await.unwrap().unwrap().metadata.name.as_deref() != Some("stays") {}

    let lab = lab.restart().await;
    assert_eq!(api.get("stays").await.unwrap(), before);
    assert!(api.get_opt("goes").await.unwrap().is_none());
    assert_eq!(things(&client).get("t").await.unwrap().data["spec"]["a"], 1);
    let holder: Api<ServiceAccount> = Api::default_namespaced(lab.client_with_token(&token).await);
    let denied = holder.list(&ListParams::default()).await.unwrap_err();
    assert_eq!(refusal(denied).0, 403, "the token is still known");
    let mut old = before.clone();
    old.metadata.resource_version = Some("1".to_owned());
    let stale = api.replace("stays", &PostParams::default(), &old).await.unwrap_err();
    assert_eq!(refusal(stale).0, 409);
    api.create(&PostParams::default(), &configmap("new", json!({}))).await.unwrap();
    let recovered = async {
        loop {
            // The watch is interrupted first, and then goes on.
            if let Some(Ok(object)) = events.next().await
                && object.metadata.name.as_deref() == Some("new")
            {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), recovered).await.expect("the watcher recovers");
    let made = api.get("new").await.unwrap().metadata.resource_version.unwrap();
    let old = before.metadata.resource_version.unwrap();
    assert!(made.parse::<u64>().unwrap() > old.parse::<u64>().unwrap(), "revisions go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_creates_in_a_burst() {
    const OBJECTS: usize = 10_000;
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    let started = Instant::now();
    futures::stream::iter(0..OBJECTS)
        .for_each_concurrent(256, |n| {
            let api = &api;
            async move {
                let object = configmap(&format!("c{n}"), json!({"k": "v"}));
                api.create(&PostParams::default(), &object).await.unwrap();
            }
        })
        .await;
    println!("{OBJECTS} creates took {:?}", started.elapsed());
    let page = api.list(&ListParams::default().limit(500)).await.unwrap();
    // One more is the namespace's own.
    assert_eq!(page.metadata.remaining_item_count, Some((OBJECTS + 1 - 500).try_into().unwrap()));
    let lab = lab.restart().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), OBJECTS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_never_reads_is_disconnected_and_holds_nobody_up() {
    let limits = Limits { stalled: Duration::from_millis(500), ..Limits::default() };
    let lab = Lab::with(limits).await;
    let mut stream = lab.connect().await;
    let request = format!(
        "GET /api/v1/configmaps?watch=1 HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    let filler = "x".repeat(500_000);
    for n in 0..40 {
        let object = configmap(&format!("c{n}"), json!({"k": filler}));
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    // A client that only ever writes learns from a failing write that nobody is there any more.
    let gone = async {
        while stream.write_all(b"\r\n").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the server hangs up");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_too_large_are_refused() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let large = |bytes: usize| configmap("large", json!({"k": "x".repeat(bytes)}));
    let params = PostParams::default();
    let (code, message) = refusal(api.create(&params, &large(5_000_000)).await.unwrap_err());
    assert_eq!((code, message.as_str()), (413, "Request entity too large: limit is 3145728"));
    let (code, message) = refusal(api.create(&params, &large(2_000_000)).await.unwrap_err());
    assert_eq!(code, 422);
    assert!(message.contains("Too long: may not be more than 1048576 bytes"), "{message}");
    let definitions = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
    ));
    let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &definitions);
    definitions.create(&params, &definition()).await.unwrap();
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"},
        "spec": "x".repeat(2_000_000)});
    let thing: DynamicObject = serde_json::from_value(thing).unwrap();
    let (code, message) = refusal(things(&client).create(&params, &thing).await.unwrap_err());
    assert_eq!(code, 413);
    assert!(message.starts_with("etcdserver: request is too large"), "{message}");
    let annotation = json!({"metadata": {"name": "a", "annotations": {"k": "x".repeat(300_000)}}});
    let annotated: ConfigMap = serde_json::from_value(annotation).unwrap();
    let (code, message) = refusal(api.create(&params, &annotated).await.unwrap_err());
    assert_eq!(code, 422);
    assert!(message.contains("metadata.annotations: Too long"), "{message}");
}

/// Patches a ConfigMap to so many keys and back, in several ways; returns how many of the patches fitted.
async fn patch_keys(api: &Api<ConfigMap>, keys: usize) -> usize {
    let with = |value: Value| {
        let keys = (0..keys).map(|n| (format!("k{n}"), value.clone()));
        json!({"data": keys.collect::<serde_json::Map<_, _>>()})
    };
    let params = PatchParams::default();
    let applied =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": with("4".into())["data"]});
    let nothing = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let apply = PatchParams::apply("me").force();
    let mut fitted = 0;
    for (name, params, patch) in [
        ("merge", &params, Patch::Merge(with("1".into()))),
        ("strategic", &params, Patch::Strategic(with("2".into()))),
        ("merge to nothing", &params, Patch::Merge(with(Value::Null))),
        ("strategic again", &params, Patch::Strategic(with("3".into()))),
        ("strategic to nothing", &params, Patch::Strategic(with(Value::Null))),
        ("apply", &apply, Patch::Apply(applied)),
        ("apply of nothing", &apply, Patch::Apply(nothing)),
    ] {
        let started = Instant::now();
        let done = tokio::time::timeout(Duration::from_secs(60), api.patch("c", params, &patch));
        let patched = done.await.unwrap_or_else(|_| panic!("{name} of {keys} keys takes too long"));
        println!("{name} of {keys} keys: {:?}", started.elapsed());
        match patched {
            Ok(object) => {
                let left = object.data.map_or(0, |data| data.len());
                assert_eq!(left, if name.ends_with("nothing") { 1 } else { keys + 1 }, "{name}");
                fitted += 1;
            }
            Err(error) => assert_eq!(refusal(error).0, 413, "{name}"),
        }
    }
    fitted
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_a_hundred_thousand_keys_take_no_quadratic_time() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    api.create(&PostParams::default(), &configmap("c", json!({"first": "1"}))).await.unwrap();
    assert_eq!(patch_keys(&api, 40_000).await, 7);
    // With their owners these are too many bytes, of which the server has to tell in time.
    assert_eq!(patch_keys(&api, 100_000).await, 3);
}

#[tokio::test]
async fn malformed_yaml_and_protobuf_are_answered() {
    let lab = Lab::start().await;
    let place = "/api/v1/namespaces/default/configmaps";
    let levels: String = (1..40)
        .map(|n| {
            format!("l{n}: &l{n} [*l{p},*l{p},*l{p},*l{p},*l{p},*l{p},*l{p},*l{p}]\n", p = n - 1)
        })
        .collect();
    let bomb = format!("metadata: {{name: a}}\nl0: &l0 [x]\n{levels}");
    for body in [": :", "a: [", "- 1", "\t", "a: !!binary x", "{a: b", "\u{0}", bomb.as_str()] {
        let sent = send(&lab, "POST", place, "application/yaml", body.as_bytes().to_vec()).await;
        assert!(matches!(sent.0, 400 | 422), "{}: {}", &body[..body.len().min(20)], sent.1);
    }
    let kind = "application/vnd.kubernetes.protobuf";
    let mut right = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\x03\x0a\x01a".to_vec();
    assert_eq!(send(&lab, "POST", place, kind, right.clone()).await.0, 201);
    for at in 0..right.len() {
        right[at] ^= 0xff;
        let (code, status) = send(&lab, "POST", place, kind, right.clone()).await;
        assert!((400..=422).contains(&code), "byte {at}: {code} {status}");
        right[at] ^= 0xff;
        let (code, _) = send(&lab, "POST", place, kind, right[..at].to_vec()).await;
        assert!((400..=422).contains(&code), "cut at {at}: {code}");
    }
}

#[tokio::test]
async fn path_tricks_in_names_are_refused() {
    let lab = Lab::start().await;
    let all = "/api/v1/namespaces/default/configmaps";
    for (path, code) in [
        ("/api/v1/namespaces/default/configmaps/..%2f..%2fsecrets".to_owned(), 400),
        (format!("{all}/%2e%2e"), 400),
        (format!("{all}/."), 400),
        (format!("{all}/a%00b"), 400),
        (format!("{all}/a%"), 400),
        (format!("{all}/a%zz"), 400),
        (format!("{all}/%c0%ae"), 400),
        (format!("{all}/{}", "x".repeat(4000)), 404),
        (format!("{all}/a;b=c"), 404),
        (format!("{all}/a/b/c/d"), 404),
        (format!("/{all}//kube-root-ca.crt"), 200),
        ("/api/v1/namespaces/..%2fkube-system/configmaps".to_owned(), 400),
        (format!("{all}/../secrets"), 400),
    ] {
        let (found, status) = send(&lab, "GET", &path, "application/json", Vec::new()).await;
        assert_eq!(found, code, "{}: {status}", &path[..path.len().min(80)]);
    }
    for name in ["../etc/passwd", "a/b", "a%2fb", ".", "..", "a\nb", "a\u{0}", "-a", "a b", "ä"] {
        let body = json!({"metadata": {"name": name}}).to_string().into_bytes();
        let (found, status) = send(&lab, "POST", all, "application/json", body).await;
        assert_eq!(found, 422, "{name}: {status}");
    }
    let elsewhere = json!({"metadata": {"name": "a", "namespace": "../kube-system"}});
    let body = elsewhere.to_string().into_bytes();
    assert_eq!(send(&lab, "POST", all, "application/json", body).await.0, 400);
}
