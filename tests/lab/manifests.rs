//! What people have comes up as it is, and clusters come up again from their objects.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod, Secret, Service},
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};

use super::{
    footprint::Footprint,
    lab::{Lab, skep, text},
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/manifests");

/// Objects that need what others define, in the wrong order.
const MIXED: &str = "\
apiVersion: demo.example/v1
kind: Widget
metadata: {name: one, namespace: new}
spec: {size: 3}
---
apiVersion: monitoring.example/v1
kind: ServiceMonitor
metadata: {name: web, namespace: new}
spec: {anything: {goes: [1, 2]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: new}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes:
      - {name: data, persistentVolumeClaim: {claimName: data}}
      - {name: config, configMap: {name: config, defaultMode: 0440}}
      containers:
      - name: web
        image: registry.example/web
        resources: {limits: {nvidia.com/gpu: 1}}
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: config, namespace: new}, data: {a: b}}
- {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: new}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
";

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.demo.example}
spec:
  group: demo.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
";

fn up_from_stdin(name: &str, args: &[&str], input: &str) -> std::process::Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(["lab", "up", "--name", name, "--nodes", "1"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("skep can be run");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it is read");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn definitions_and_namespaces_come_first_and_what_is_unknown_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("later")).expect("made");
    fs::write(dir.path().join("later/definition.yaml"), DEFINITION).expect("written");
    let lab = Lab::to_come("mixed");
    let path = dir.path().to_str().expect("text");
    let up = up_from_stdin(&lab.name, &["-f", "-", "-f", path], MIXED);
    let said = text(&up);
    assert!(up.status.success(), "{said}");
    for expected in [
        "note: created namespaces that no manifest has: new",
        "note: nothing defines kind ServiceMonitor of monitoring.example/v1: 1 object is stored as written, without checks",
        "note: not simulated: persistent volumes are directories of the pod's node (Deployment new/web)",
        "note: not simulated: devices such as GPUs are not there; requests for them are ignored (Deployment new/web)",
    ] {
        assert_eq!(said.matches(expected).count(), 1, "{expected}\n{said}");
    }
    let client = lab.client().await;
    let monitors = resource("monitoring.example", "v1", "ServiceMonitor");
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "new", &monitors);
    let monitor = api.get("web").await.expect("it is stored");
    assert_eq!(monitor.data["spec"], serde_json::json!({ "anything": { "goes": [1, 2] } }));
    let widgets = resource("demo.example", "v1", "Widget");
    let api: Api<DynamicObject> = Api::namespaced_with(client, "new", &widgets);
    assert_eq!(api.get("one").await.expect("it is stored").data["spec"]["size"], 3);
}

#[test]
#[ignore = "needs root"]
fn what_is_wrong_is_named_with_its_place_and_leaves_nothing() {
    let before = Footprint::take();
    let name = format!("t{}-wrong", std::process::id());
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n";
    for (object, expected) in [
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: B_}\n",
            "document 2 of stdin:5: ConfigMap B_ is refused",
        ),
        (
            "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
            "document 2 of stdin:5: the lab has no PodDisruptionBudget of policy/v1beta1, but of policy/v1",
        ),
        (
            "apiVersion: v1\nkind: Pot\nmetadata: {name: a}\n",
            "document 2 of stdin:5: Kubernetes has no kind Pot of v1",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: 3\n",
            "document 2 of stdin:9:15: spec.containers",
        ),
    ] {
        let up = up_from_stdin(&name, &["-f", "-"], &format!("{map}{object}"));
        assert_eq!(up.status.code(), Some(4), "{}", text(&up));
        assert!(text(&up).contains(expected), "{}\nexpected: {expected}", text(&up));
        before.assert_restored();
    }
    for (path, renderer) in [("chart", "helm template"), ("kustomization", "kubectl kustomize")] {
        let dir = Path::new(FIXTURES).join(path);
        let path = dir.to_str().expect("text");
        let up = skep(&["lab", "up", "--name", &name, "-f", path]);
        assert_eq!(up.status.code(), Some(4), "{}", text(&up));
        assert!(
            text(&up).contains(&format!("hint: {renderer} {path} | skep lab up -f -")),
            "{}",
            text(&up)
        );
    }
    before.assert_restored();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn an_application_of_a_dozen_services_comes_up_by_its_manifest_alone() {
    let boutique = format!("{FIXTURES}/boutique.yaml");
    let lab = Lab::bare("boutique", &["--nodes", "2", "-f", &boutique]);
    let client = lab.client().await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "default");
    let found = deployments.list(&ListParams::default()).await.expect("listed").items;
    assert_eq!(found.len(), 12);
    for deployment in &found {
        let ready = deployment.status.clone().and_then(|status| status.ready_replicas);
        assert_eq!(ready, Some(1), "{}", deployment.name_any());
    }
    let services: Api<Service> = Api::namespaced(client, "default");
    assert_eq!(services.list(&ListParams::default()).await.expect("listed").items.len(), 12 + 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn a_snapshot_brings_the_same_objects_up_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: shop}\nstringData: {word: swordfish}\n";
    fs::write(file("secret.yaml"), secret).expect("written");
    let lab = Lab::up("origin", &["--nodes", "1", "-f", &file("secret.yaml")]);
    for (path, flags) in
        [(file("bare.yaml"), &[][..]), (file("full.yaml"), &["--with-secrets"][..])]
    {
        let taken = skep(&[&["lab", "snapshot", "--name", &lab.name, &path], flags].concat());
        assert!(taken.status.success(), "{}", text(&taken));
    }
    let bare = fs::read_to_string(file("bare.yaml")).expect("read");
    for absent in [
        "uid:",
        "resourceVersion:",
        "status:",
        "managedFields:",
        "10.96.",
        "kube-dns",
        "swordfish",
        "c3dvcmRmaXNo",
    ] {
        assert!(!bare.contains(absent), "{absent} in {bare}");
    }
    drop(lab);
    let lab = Lab::bare("replay", &["--nodes", "2", "--from", &file("full.yaml")]);
    let client = lab.client().await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "shop");
    let word = secrets.get("key").await.expect("it is there").data.expect("data")["word"].clone();
    assert_eq!(word.0, b"swordfish");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let pods = pods.list(&ListParams::default()).await.expect("listed").items;
    let phase = |pod: &Pod| pod.status.clone().and_then(|status| status.phase);
    assert!(pods.iter().all(|pod| phase(pod).as_deref() == Some("Running")));
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.get("shop").await.expect("it is there");
    let again = skep(&["lab", "snapshot", "--name", &lab.name, "--with-secrets", "-"]);
    let again = String::from_utf8(again.stdout).expect("text");
    assert_eq!(again, fs::read_to_string(file("full.yaml")).expect("read"));
}
