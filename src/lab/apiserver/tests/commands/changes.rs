//! edit, patch, label, annotate, scale, set, replace, rollout.

use super::shell::{DEPLOYMENT, Shell};

async fn with_deployment() -> Shell {
    let shell = Shell::start().await;
    shell.takes("create -f -", DEPLOYMENT, "created").await;
    shell
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn edit() {
    let shell = with_deployment().await;
    shell.prints("edit deploy web", "deployment.apps/web edited").await;
    shell.prints("get deploy web -o wide", "nginx:2").await;
    shell.prints("edit deploy web", "Edit cancelled, no changes made").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn patch() {
    let shell = with_deployment().await;
    let strategic = r#"patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:9"}]}}}}'"#;
    shell.prints(strategic, "patched").await;
    let read = "get deploy web -o jsonpath='{.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort}'";
    shell.prints(read, "nginx:9 80").await;
    let merge =
        r#"patch deploy web --type=merge -p '{"metadata":{"labels":{"x":"y","app":null}}}'"#;
    shell.prints(merge, "patched").await;
    shell.prints("get deploy web -o jsonpath='{.metadata.labels}'", "{\"x\":\"y\"}").await;
    let json =
        r#"patch deploy web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":7}]'"#;
    shell.prints(json, "patched").await;
    shell.prints("get deploy web -o jsonpath='{.spec.replicas}'", "7").await;
    shell.prints(json, "patched (no change)").await;
    let test =
        r#"patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":1}]'"#;
    shell.refuses(test, "", "the server rejected our request due to an error in our request").await;
    let sub = r#"patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":4}}'"#;
    shell.prints(sub, "patched").await;
    shell.prints("get deploy web -o jsonpath='{.spec.replicas}'", "4").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn label_and_annotate() {
    let shell = with_deployment().await;
    for (line, wanted) in [
        ("label deploy web color=red", "labeled"),
        ("label deploy web color=blue --overwrite", "labeled"),
        ("label deploy --all tier=1", "labeled"),
        ("label deploy web tier-", "unlabeled"),
        ("annotate deploy web note=1", "annotated"),
        ("annotate deploy web note-", "annotated"),
        ("get deploy -l color=blue,!tier -o name", "deployment.apps/web"),
    ] {
        shell.prints(line, wanted).await;
    }
    shell.refuses("label deploy web color=green", "", "--overwrite is false").await;
    shell.refuses("label deploy web color=?", "", "a valid label must be").await;
    let line = "label deploy web a=b --resource-version=1";
    shell.refuses(line, "", "the object has been modified").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn scale() {
    let shell = with_deployment().await;
    shell.prints("scale deploy web --replicas=5", "scaled").await;
    shell.prints("scale deploy web --replicas=3 --current-replicas=5", "scaled").await;
    let line = "scale deploy web --replicas=3 --current-replicas=9";
    shell.refuses(line, "", "Expected replicas to be 9, was 3").await;
    shell.prints("get deploy web -o jsonpath='{.spec.replicas}'", "3").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn autoscale() {
    let shell = with_deployment().await;
    shell.prints("autoscale deploy web --max=4 --cpu-percent=80", "autoscaled").await;
    shell.prints("get hpa", "cpu: <unknown>/80%").await;
    let old = "get horizontalpodautoscalers.v1.autoscaling web -o jsonpath='{.spec.targetCPUUtilizationPercentage}'";
    shell.prints(old, "80").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn set_and_rollout() {
    let shell = with_deployment().await;
    for (line, wanted) in [
        ("set image deploy/web web=nginx:3", "image updated"),
        ("set env deploy/web A=b", "env updated"),
        ("set resources deploy web --limits=cpu=1", "resource requirements updated"),
        ("set serviceaccount deploy web default", "serviceaccount updated"),
        ("rollout pause deploy/web", "paused"),
        ("rollout resume deploy/web", "resumed"),
        ("rollout restart deploy/web", "restarted"),
        ("rollout history deploy/web", "deployment.apps/web"),
        ("get deploy web -o jsonpath='{.spec.template.metadata.annotations}'", "restartedAt"),
        (
            "get deploy web -o jsonpath='{.spec.template.spec.containers[0].resources}'",
            "\"requests\":{\"cpu\":\"1\"}",
        ),
    ] {
        shell.prints(line, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn replace() {
    let shell = with_deployment().await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    shell.takes("replace -f -", &changed, "deployment.apps/web replaced").await;
    shell.takes("replace --force -f -", DEPLOYMENT, "deployment.apps/web replaced").await;
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: NodePort, \
                   selector: {app: web}, ports: [{port: 80}]}}";
    shell.takes("create -f -", service, "created").await;
    // As the lab's controllers allocate.
    let allocate = r#"patch svc s -p '{"spec":{"clusterIP":"10.96.0.9","clusterIPs":["10.96.0.9"],"ports":[{"port":80,"nodePort":30080}]}}'"#;
    shell.prints(allocate, "patched").await;
    shell.takes("replace -f -", &service.replace("app: web", "app: other"), "replaced").await;
    let read =
        "get svc s -o jsonpath='{.spec.clusterIP} {.spec.ports[0].nodePort} {.spec.selector.app}'";
    shell.prints(read, "10.96.0.9 30080 other").await;
    let moved = r#"patch svc s --type=merge -p '{"spec":{"clusterIP":"10.96.0.10"}}'"#;
    shell.refuses(moved, "", "may not change once set").await;
    let inside = r#"patch svc s -p '{"spec":{"type":"ClusterIP"}}'"#;
    shell.prints(inside, "patched").await;
    let read = "get svc s -o jsonpath='{.spec.clusterIP}|{.spec.ports[0].nodePort}|'";
    shell.prints(read, "10.96.0.9||").await;
    let named = r#"patch svc s -p '{"spec":{"type":"ExternalName","externalName":"a.example"}}'"#;
    shell.prints(named, "patched").await;
    let stale = DEPLOYMENT.replace("{name: web,", "{name: web, resourceVersion: \"1\",");
    shell.refuses("replace -f -", &stale, "the object has been modified").await;
}
