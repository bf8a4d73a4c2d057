use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Result<Vec<Manifest>, ManifestError> {
    document::parse(Path::new("app.yaml"), text)
}

fn problem(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: ";

#[test]
fn documents_lists_and_comments_are_read() {
    let text = format!(
        "\u{feff}# only a comment\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\n\
         apiVersion: v1\nkind: List\nitems:\n- {MAP}b}}}}\n--- # again\n\
         apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {{name: c}}\n...\n--- {MAP}d}}}}\n"
    );
    let found = parse(&text).unwrap();
    let origins: Vec<_> = found.iter().map(|one| one.origin.as_str()).collect();
    assert_eq!(
        origins,
        [
            "document 1 of app.yaml:3",
            "document 2 of app.yaml:7",
            "document 3 of app.yaml:12",
            "document 4 of app.yaml:17"
        ]
    );
    let titles: Vec<_> = found.iter().map(Manifest::title).collect();
    assert_eq!(titles, ["Namespace a", "ConfigMap b", "ConfigMap c", "ConfigMap d"]);
    assert_eq!(found[2].version(), "v1");
    let json =
        parse(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"p-"}}"#).unwrap();
    assert_eq!(json[0].title(), "Pod p-*");
}

#[test]
fn yaml_as_people_write_it_is_understood() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {}\n  template:\n    metadata: &meta\n      labels: {app: web}\n    spec:\n      volumes:\n      - name: v\n        secret: {secretName: s, defaultMode: 0400}\n      containers:\n      - name: a\n        env: &env\n        - {name: MODE, value: \"0755\"}\n      - name: b\n        env: *env\n";
    let found = parse(text).unwrap();
    let spec = &found[0].object["spec"]["template"]["spec"];
    assert_eq!(spec["volumes"][0]["secret"]["defaultMode"], 0o400);
    assert_eq!(spec["containers"][1]["env"][0]["value"], "0755");
    let merged = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  labels: &l {a: b}\n  annotations:\n    <<: *l\n    c: d\n";
    let found = parse(merged).unwrap();
    assert_eq!(found[0].object["metadata"]["annotations"], json!({ "a": "b", "c": "d" }));
}

#[test]
fn mistakes_are_named_with_file_document_and_line() {
    let wrong = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: three\n  selector: {}\n  template: {}\n";
    let object = format!("{MAP}a}}}}");
    for (text, expected) in [
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\n".to_owned(), "app.yaml:1: the object has no metadata.name"),
        ("kind: Pod\nmetadata: {name: a}\n".to_owned(), "app.yaml:1: the object has no apiVersion"),
        (wrong.to_owned(), "app.yaml:6:13: spec.replicas"),
        (format!("{object}\n---\n# more\n{wrong}"), "document 2 of app.yaml:9:13: spec.replicas"),
        (format!("{object}\n---\nkind: [\n"), "document 2 of app.yaml:4:"),
        (format!("{object}\n---\n- a\n"), "document 2 of app.yaml:3: the object has no apiVersion"),
        ("apiVersion: v1\nkind: List\n".to_owned(), "app.yaml:1: the object has no items"),
        ("a: 1\na: 2\n".to_owned(), "app.yaml:1:1: duplicate entry with key \"a\""),
        ("metadata:\n  name: {{ .Values.name }}\n".to_owned(), "helm template"),
        (
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: 3}}\n".to_owned(),
            "app.yaml:1:1: Pod p: ",
        ),
    ] {
        let message = problem(&text);
        assert!(message.contains(expected), "{message}\nexpected: {expected}");
    }
}

#[test]
fn directories_are_read_with_all_below_them_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let map = |name: &str| format!("{MAP}{name}}}}}");
    write("b/2.yml", &map("two"));
    write("b/1.json", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"}}"#);
    write("a.yaml", &map("first"));
    write("notes.txt", "not: [a manifest");
    write(".git/x.yaml", "not: [a manifest");
    let paths = [dir.path().to_owned()];
    let names: Vec<_> = read(&paths).unwrap().iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(names, ["first", "one", "two"]);
    write("c.yaml", &map("one"));
    let error = read(&paths).unwrap_err().to_string();
    assert!(
        error.contains("c.yaml:1: ConfigMap one is in ") && error.contains("1.json:1"),
        "{error}"
    );
    fs::remove_file(dir.path().join("c.yaml")).unwrap();
    write("b/kustomization.yaml", "resources: [1.json]");
    let error = read(&paths).unwrap_err().to_string();
    assert!(error.contains("is a kustomization, not a manifest"), "{error}");
    write("b/Chart.yaml", "name: shop");
    let error = read(&paths).unwrap_err().to_string();
    assert!(error.contains("is a Helm chart, not a manifest"), "{error}");
    write("empty/x.yaml", "# nothing\n");
    let error = read(&[dir.path().join("empty")]).unwrap_err().to_string();
    assert!(error.contains("has no Kubernetes objects"), "{error}");
}

fn manifest(object: Value) -> Manifest {
    Manifest { object, origin: "x".into() }
}

#[test]
fn what_a_lab_does_not_do_is_told_once_each() {
    let pods = |name: &str, spec: Value| {
        manifest(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "shop" },
            "spec": { "template": { "spec": spec } },
        }))
    };
    let claim =
        json!({ "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "c" } }] });
    let gpu =
        json!({ "containers": [{ "resources": { "limits": { "cpu": 1, "nvidia.com/gpu": 1 } } }] });
    let plain = json!({
        "volumes": [{ "name": "v", "emptyDir": {} }],
        "containers": [{ "resources": { "limits": { "cpu": 1, "memory": "1Gi" } }, "securityContext": { "runAsUser": 1 } }],
    });
    let found = not_simulated(&[
        pods("a", claim.clone()),
        pods("b", claim.clone()),
        pods("c", claim.clone()),
        pods("d", claim),
        pods("e", gpu),
        pods("f", json!({ "containers": [{ "securityContext": { "privileged": true } }] })),
        pods("g", plain),
        pods("h", json!({ "volumes": [{ "name": "v", "nfs": { "server": "x" } }] })),
        pods("j", json!({ "containers": [{ "livenessProbe": { "grpc": { "port": 9000 } } }] })),
        pods("k", json!({ "containers": [{ "readinessProbe": { "httpGet": { "port": 80 } } }] })),
        manifest(
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" } }),
        ),
        manifest(
            json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q" } }),
        ),
    ]);
    assert_eq!(
        found,
        [
            "persistent volumes are directories of the pod's node (Deployment shop/a, Deployment shop/b, Deployment shop/c and 1 more)",
            "volumes of other systems stay empty (Deployment shop/h)",
            "devices such as GPUs are not there; requests for them are ignored (Deployment shop/e)",
            "privileges, capabilities and users of containers are ignored (Deployment shop/f)",
            "probes by HTTPS and gRPC ask for a connection only (Deployment shop/j)",
            "quotas and limit ranges are kept, and limit nothing (ResourceQuota q)",
            "nothing serves ingresses (Ingress i)",
        ]
    );
}

#[test]
fn a_skeleton_has_what_people_wrote() {
    let kept = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}],
            "labels": { "app": "web" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
        },
        "spec": { "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": {} },
    });
    let headless = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "clusterIP": "None", "clusterIPs": ["None"] },
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "alone", "namespace": "shop" },
        "spec": {
            "nodeName": "gke-1",
            "volumes": [{ "name": "kube-api-access-x" }, { "name": "v" }],
            "containers": [{ "name": "c", "volumeMounts": [{ "name": "kube-api-access-x" }] }],
        },
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "shop" },
        "data": { "key": "dmFsdWU=" },
    });
    let policy = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "p", "namespace": "kube-system" } });
    let owned = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web-1", "namespace": "shop", "ownerReferences": [{ "kind": "ReplicaSet", "controller": true }] },
    });
    let named = |version: &str, kind: &str, namespace: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": namespace } });
    let all = [
        kept,
        headless,
        pod,
        secret,
        policy,
        owned,
        named("v1", "Node", "", "gke-1"),
        named("apps/v1", "DaemonSet", "kube-system", "cilium"),
        named("v1", "Service", "default", "kubernetes"),
        named("v1", "ConfigMap", "shop", "kube-root-ca.crt"),
        named("v1", "Event", "shop", "e"),
        named("cilium.io/v2", "CiliumEndpoint", "shop", "web-1"),
        named("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:node"),
    ];
    let skeleton = skeleton(all.into_iter().map(manifest).collect(), Values::Dropped);
    let objects: Vec<Value> = skeleton.manifests.into_iter().map(|one| one.object).collect();
    assert_eq!(
        objects,
        [
            json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
                "spec": { "ports": [{ "port": 80 }] },
            }),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "db", "namespace": "shop" },
                "spec": { "clusterIP": "None", "clusterIPs": ["None"] },
            }),
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "alone", "namespace": "shop" },
                "spec": { "volumes": [{ "name": "v" }], "containers": [{ "name": "c", "volumeMounts": [] }] },
            }),
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "shop" },
                "data": { "key": "" },
            }),
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "p", "namespace": "kube-system" } }),
        ]
    );
    assert_eq!(
        skeleton.notes,
        [
            "left out: nodes, as a lab has its own; --nodes says how many (1)",
            "left out: objects of the cluster's own namespaces (1)",
            "left out: objects that controllers make from others (1)",
            "left out: objects that every cluster has (3)",
            "left out: objects that only tell what runs (2)",
        ]
    );
}
