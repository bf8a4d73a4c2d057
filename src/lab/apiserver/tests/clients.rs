//! kube-rs against the server.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    Api, AttachParams, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams,
    PostParams, PropagationPolicy, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::harness::{Lab, TOKEN};

fn from<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn configmap(name: &str, key: &str, value: &str) -> ConfigMap {
    from(json!({"metadata": {"name": name}, "data": {key: value}}))
}

fn code(error: kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("{other}"),
    }
}

/// Waits for something to become true.
async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn objects_are_created_read_changed_and_deleted() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    assert_eq!(client.apiserver_version().await.unwrap().major, "1");
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let created = api.create(&PostParams::default(), &configmap("a", "k", "1")).await.unwrap();
    assert!(created.metadata.uid.is_some() && created.metadata.creation_timestamp.is_some());
    let taken = api.create(&PostParams::default(), &configmap("a", "k", "1")).await.unwrap_err();
    assert_eq!(code(taken), (409, "AlreadyExists".to_owned()));

    let mut newer = created.clone();
    newer.data = Some(BTreeMap::from([("k".to_owned(), "2".to_owned())]));
    let replaced = api.replace("a", &PostParams::default(), &newer).await.unwrap();
    let stale = api.replace("a", &PostParams::default(), &newer).await.unwrap_err();
    assert_eq!(code(stale), (409, "Conflict".to_owned()));
    let same = api.replace("a", &PostParams::default(), &replaced).await.unwrap();
    assert_eq!(same.metadata.resource_version, replaced.metadata.resource_version);

    let merge = Patch::Merge(json!({"data": {"k": null, "l": "3"}}));
    let patched = api.patch("a", &PatchParams::default(), &merge).await.unwrap();
    assert_eq!(patched.data.unwrap(), BTreeMap::from([("l".to_owned(), "3".to_owned())]));
    let operations = json!([{"op": "test", "path": "/data/l", "value": "no"}]);
    let json_patch = Patch::Json::<()>(from(operations));
    let refused = api.patch("a", &PatchParams::default(), &json_patch).await.unwrap_err();
    assert_eq!(code(refused).0, 422);

    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("a").await.unwrap().is_none());
    let nowhere: Api<ConfigMap> = Api::namespaced(client, "none");
    let missing = nowhere.create(&PostParams::default(), &configmap("a", "k", "1")).await;
    assert_eq!(code(missing.unwrap_err()), (404, "NotFound".to_owned()));
    lab.server.stop().await;
}

#[tokio::test]
async fn callers_prove_who_they_are() {
    let lab = Lab::start().await;
    let node = lab.client_with_token(TOKEN).await;
    Api::<Node>::all(node).list(&ListParams::default()).await.unwrap();

    let account: Api<ServiceAccount> = Api::default_namespaced(lab.client().await);
    assert_eq!(account.get("default").await.unwrap().metadata.name.as_deref(), Some("default"));
    let token = lab.server.service_account_token("default", "default");
    let pod = lab.client_with_token(&token).await;
    let error = Api::<Pod>::default_namespaced(pod).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(code(error), (403, "Forbidden".to_owned()), "nobody has granted it anything");

    let stranger = lab.client_with_token("wrong").await;
    let error = Api::<Node>::all(stranger).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(code(error).0, 401);
}

#[tokio::test]
async fn pages_continue_at_the_revision_of_the_first() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    for n in 0..5 {
        api.create(&PostParams::default(), &configmap(&format!("c{n}"), "k", "1")).await.unwrap();
    }
    let first = api.list(&ListParams::default().limit(2).labels("!x")).await.unwrap();
    assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(4)));
    api.delete("c3", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.clone().unwrap();
    let rest = api.list(&ListParams::default().continue_token(&token)).await.unwrap();
    assert_eq!(rest.metadata.resource_version, first.metadata.resource_version);
    let names: Vec<_> = rest.items.iter().filter_map(|c| c.metadata.name.as_deref()).collect();
    assert_eq!(names, ["c2", "c3", "c4", "kube-root-ca.crt"]);
}

#[tokio::test]
async fn a_watch_tells_every_change_and_selectors_make_objects_come_and_go() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    let version =
        api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let params = WatchParams::default().labels("color=red");
    let mut events = api.watch(&params, &version).await.unwrap().boxed();
    let color = |color: &str| Patch::Merge(json!({"metadata": {"labels": {"color": color}}}));
    api.create(&PostParams::default(), &configmap("a", "k", "1")).await.unwrap();
    for next in ["red", "blue"] {
        api.patch("a", &PatchParams::default(), &color(next)).await.unwrap();
    }
    api.patch("a", &PatchParams::default(), &color("red")).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            _ => continue,
        });
    }
    assert_eq!(seen, ["added", "deleted", "added", "deleted"]);
}

#[tokio::test]
async fn watchers_of_kube_rs_follow_by_list_and_by_stream() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    api.create(&PostParams::default(), &configmap("first", "k", "1")).await.unwrap();
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut stream = watcher(api.clone(), config).applied_objects().boxed();
        let mut names = Vec::new();
        while names.len() < 2 {
            names.push(stream.try_next().await.unwrap().unwrap().metadata.name.unwrap());
        }
        assert!(names.contains(&"first".to_owned()), "{names:?}");
        api.create(&PostParams::default(), &configmap("later", "k", "1")).await.unwrap();
        let later = stream.try_next().await.unwrap().unwrap();
        assert_eq!(later.metadata.name.as_deref(), Some("later"));
        api.delete("later", &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn server_side_apply_owns_fields() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    let wish = |value: &str| {
        Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": value}}))
    };
    let skep = PatchParams::apply("skep");
    let first = api.patch("a", &skep, &wish("1")).await.unwrap();
    let again = api.patch("a", &skep, &wish("1")).await.unwrap();
    assert_eq!(first.metadata.resource_version, again.metadata.resource_version);
    let conflict = api.patch("a", &PatchParams::apply("other"), &wish("2")).await.unwrap_err();
    assert_eq!(code(conflict), (409, "Conflict".to_owned()));
    let forced = api.patch("a", &PatchParams::apply("other").force(), &wish("2")).await.unwrap();
    let managers: Vec<_> =
        forced.metadata.managed_fields.unwrap().into_iter().filter_map(|m| m.manager).collect();
    assert_eq!(managers, ["other"]);
}

fn widgets() -> CustomResourceDefinition {
    from(json!({
        "metadata": {"name": "widgets.skep.dev"},
        "spec": {"group": "skep.dev", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer"}, "mode": {"type": "string", "default": "a"}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]},
    }))
}

#[tokio::test]
async fn custom_resources_are_served_defaulted_pruned_and_checked() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &widgets()).await.unwrap();
    let established = kube::runtime::wait::await_condition(
        definitions.clone(),
        "widgets.skep.dev",
        kube::runtime::wait::conditions::is_crd_established(),
    );
    tokio::time::timeout(Duration::from_secs(5), established).await.unwrap().unwrap();

    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("skep.dev", "v1alpha1", "Widget"));
    let api: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &kind);
    let widget = |value: serde_json::Value| {
        from::<DynamicObject>(json!({"apiVersion": "skep.dev/v1alpha1", "kind": "Widget",
            "metadata": {"name": "w"}, "spec": value, "status": {"x": 1}}))
    };
    let wrong = api.create(&PostParams::default(), &widget(json!({"size": "big"}))).await;
    assert_eq!(code(wrong.unwrap_err()), (422, "Invalid".to_owned()));
    let made =
        api.create(&PostParams::default(), &widget(json!({"size": 1, "junk": 1}))).await.unwrap();
    assert_eq!(made.data, json!({"spec": {"size": 1, "mode": "a"}}));
    assert_eq!(made.metadata.generation, Some(1));

    let status = Patch::Merge(json!({"spec": {"size": 9}, "status": {"phase": "ok"}}));
    let patched = api.patch_status("w", &PatchParams::default(), &status).await.unwrap();
    assert_eq!(patched.data["spec"]["size"], 1);
    assert_eq!(patched.data["status"]["phase"], "ok");
    assert_eq!(patched.metadata.generation, Some(1));
    let size = Patch::Merge(json!({"spec": {"size": 2}}));
    let patched = api.patch("w", &PatchParams::default(), &size).await.unwrap();
    assert_eq!(patched.metadata.generation, Some(2));

    let found = kube::discovery::pinned_kind(&client, &kind_of(&kind)).await.unwrap();
    assert_eq!(found.0.plural, "widgets");
    definitions.delete("widgets.skep.dev", &DeleteParams::default()).await.unwrap();
    eventually("the definition goes with its instances", || async {
        definitions.get_opt("widgets.skep.dev").await.unwrap().is_none()
    })
    .await;
    assert_eq!(code(api.list(&ListParams::default()).await.unwrap_err()).0, 404);
}

fn kind_of(resource: &ApiResource) -> GroupVersionKind {
    GroupVersionKind::gvk(&resource.group, &resource.version, &resource.kind)
}

#[tokio::test]
async fn dependents_go_with_their_owner_as_the_policy_says() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    for (policy, child_stays) in [
        (PropagationPolicy::Background, false),
        (PropagationPolicy::Foreground, false),
        (PropagationPolicy::Orphan, true),
    ] {
        let owner =
            api.create(&PostParams::default(), &configmap("owner", "k", "1")).await.unwrap();
        let child: ConfigMap = from(json!({"metadata": {"name": "child", "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid,
             "blockOwnerDeletion": true}]}}));
        api.create(&PostParams::default(), &child).await.unwrap();
        let params =
            DeleteParams { propagation_policy: Some(policy.clone()), ..Default::default() };
        api.delete("owner", &params).await.unwrap();
        eventually("the owner goes", || async { api.get_opt("owner").await.unwrap().is_none() })
            .await;
        if child_stays {
            let child = api.get("child").await.unwrap();
            assert_eq!(child.metadata.owner_references, None);
            api.delete("child", &DeleteParams::default()).await.unwrap();
        } else {
            eventually("the child goes", || async {
                api.get_opt("child").await.unwrap().is_none()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_namespace_is_furnished_and_emptied() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &from(json!({"metadata": {"name": "ns"}})))
        .await
        .unwrap();
    let inside: Api<ConfigMap> = Api::namespaced(client, "ns");
    assert!(
        inside.get("kube-root-ca.crt").await.unwrap().data.unwrap()["ca.crt"].contains("BEGIN")
    );
    let held: ConfigMap =
        from(json!({"metadata": {"name": "held", "finalizers": ["skep.io/test"]}}));
    inside.create(&PostParams::default(), &held).await.unwrap();
    namespaces.delete("ns", &DeleteParams::default()).await.unwrap();
    eventually("the held object is marked", || async {
        inside.get("held").await.unwrap().metadata.deletion_timestamp.is_some()
    })
    .await;
    let refused = inside.create(&PostParams::default(), &configmap("new", "k", "1")).await;
    assert_eq!(code(refused.unwrap_err()).0, 403);
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    inside.patch("held", &PatchParams::default(), &release).await.unwrap();
    eventually("the namespace goes", || async {
        namespaces.get_opt("ns").await.unwrap().is_none()
    })
    .await;
}

fn pod(name: &str, node: Option<&str>) -> Pod {
    from(json!({"metadata": {"name": name}, "spec": {"nodeName": node,
        "containers": [{"name": "c", "image": "x"}]}}))
}

#[tokio::test]
async fn a_bound_pod_waits_for_its_kubelet_to_be_deleted() {
    let lab = Lab::start().await;
    let api: Api<Pod> = Api::default_namespaced(lab.client().await);
    let made = api.create(&PostParams::default(), &pod("p", Some("node-1"))).await.unwrap();
    let spec = made.spec.unwrap();
    assert_eq!(spec.restart_policy.as_deref(), Some("Always"));
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    assert_eq!(spec.tolerations.unwrap().len(), 2);
    api.delete("p", &DeleteParams::default().grace_period(5)).await.unwrap();
    let pending = api.get("p").await.unwrap();
    assert_eq!(pending.metadata.deletion_grace_period_seconds, Some(5));
    let status = Patch::Merge(json!({"status": {"phase": "Failed"}}));
    api.patch_status("p", &PatchParams::default(), &status).await.unwrap();
    api.delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert!(api.get_opt("p").await.unwrap().is_none());
    api.create(&PostParams::default(), &pod("unbound", None)).await.unwrap();
    api.delete("unbound", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("unbound").await.unwrap().is_none());
}

#[tokio::test]
async fn exec_and_logs_stream() {
    let lab = Lab::start().await;
    let api: Api<Pod> = Api::default_namespaced(lab.client().await);
    api.create(&PostParams::default(), &pod("p", Some("node-1"))).await.unwrap();
    let mut process =
        api.exec("p", ["echo", "hello", "pod"], &AttachParams::default()).await.unwrap();
    let mut out = String::new();
    process.stdout().unwrap().read_to_string(&mut out).await.unwrap();
    assert_eq!(out, "hello pod\n");
    let status = process.take_status().unwrap().await.unwrap();
    assert_eq!(status.status.as_deref(), Some("Success"));

    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = api.exec("p", ["cat"], &params).await.unwrap();
    let (mut stdin, mut stdout) = (process.stdin().unwrap(), process.stdout().unwrap());
    stdin.write_all(b"through").await.unwrap();
    stdin.flush().await.unwrap();
    let mut buffer = [0; 7];
    stdout.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"through");
    stdin.shutdown().await.unwrap();
    drop(stdin);

    let mut failed = api.exec("p", ["exit", "7"], &AttachParams::default()).await.unwrap();
    let status = failed.take_status().unwrap().await.unwrap();
    assert_eq!(status.details.unwrap().causes.unwrap()[0].message.as_deref(), Some("7"));

    let params = LogParams { tail_lines: Some(2), ..Default::default() };
    assert_eq!(api.logs("p", &params).await.unwrap(), "two\nthree\n");
}
