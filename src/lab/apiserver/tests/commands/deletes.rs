//! delete: propagation, finalizers, grace, selectors.

use super::shell::{DEPLOYMENT, POD, Shell};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn delete() {
    let shell = Shell::start().await;
    shell.takes("create -f -", POD, "created").await;
    shell.takes("create -f -", DEPLOYMENT, "created").await;
    shell.prints("delete deploy web", "deployment.apps \"web\" deleted").await;
    shell.prints("delete pod p --grace-period=5 --wait=false", "deleted").await;
    shell.prints("get pod p", "Terminating").await;
    shell.prints("get pod p -o jsonpath='{.metadata.deletionGracePeriodSeconds}'", "5").await;
    shell.prints("delete pod p --grace-period=0 --force", "force deleted").await;
    shell.refuses("delete pod p", "", "pods \"p\" not found").await;
    shell.prints("delete pod p --ignore-not-found", "").await;
    for name in ["a", "b"] {
        shell.feed(&format!("create configmap {name}"), "").await;
    }
    shell.prints("delete cm --all", "configmap \"b\" deleted").await;
    // What every namespace contains comes back.
    shell.prints("get cm -o name", "configmap/kube-root-ca.crt").await;
    shell.prints("create namespace shop", "created").await;
    shell.prints("create configmap c -n shop", "created").await;
    shell.prints("delete namespace shop", "namespace \"shop\" deleted").await;
    shell.refuses("get cm c -n shop", "", "not found").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn delete_and_finalizers() {
    let shell = Shell::start().await;
    let held =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}";
    shell.takes("create -f -", held, "created").await;
    shell.prints("delete cm held --wait=false", "deleted").await;
    shell.prints("get cm held -o jsonpath='{.metadata.deletionTimestamp}'", "20").await;
    let more = r#"patch cm held --type=merge -p '{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}'"#;
    let words = "no new finalizers can be added if the object is being deleted";
    shell.refuses(more, "", words).await;
    let none = r#"patch cm held --type=merge -p '{"metadata":{"finalizers":null}}'"#;
    shell.prints(none, "patched").await;
    shell.refuses("get cm held", "", "not found").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn delete_and_dependents() {
    let shell = Shell::start().await;
    for (cascade, left) in [("background", false), ("foreground", false), ("orphan", true)] {
        shell.prints("create configmap owner", "created").await;
        let uid = shell.feed("get cm owner -o jsonpath='{.metadata.uid}'", "").await;
        let dependent = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: dependent, ownerReferences: \
             [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}, blockOwnerDeletion: true}}]}}}}"
        );
        shell.takes("create -f -", &dependent, "created").await;
        shell.prints(&format!("delete cm owner --cascade={cascade}"), "deleted").await;
        if left {
            let read = "get cm dependent -o jsonpath='{.metadata.ownerReferences}|'";
            shell.prints(read, "|").await;
        } else {
            shell.prints("wait --for=delete cm/dependent --timeout=10s", "").await;
        }
    }
}
