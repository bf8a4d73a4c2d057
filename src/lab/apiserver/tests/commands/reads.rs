//! get, describe, explain, events, wait, version and the lists of what is served.

use super::shell::{DEPLOYMENT, POD, Shell};

async fn with_pod() -> Shell {
    let shell = Shell::start().await;
    shell.takes("create -f -", POD, "pod/p created").await;
    shell
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn get() {
    let shell = with_pod().await;
    for (line, wanted) in [
        ("get pods", "p      0/1     Pending"),
        ("get pods -A", "default     p"),
        ("get pods -o wide", "node-1"),
        ("get pod p -o yaml", "nodeName: node-1"),
        ("get pod p -o json", "\"nodeName\": \"node-1\""),
        ("get pods -o name", "pod/p"),
        ("get pods -o jsonpath='{.items[0].spec.nodeName}'", "node-1"),
        ("get pods -o custom-columns=N:.metadata.name", "p"),
        ("get pods -o go-template='{{range .items}}{{.metadata.name}}{{end}}'", "p"),
        ("get pods --show-labels", "app=web"),
        ("get pods -L app", "web"),
        ("get pods -l app=web -o name", "pod/p"),
        ("get pods -l 'app in (x,web)' -o name", "pod/p"),
        ("get pods --field-selector=spec.nodeName=node-1 -o name", "pod/p"),
        ("get pods --sort-by=.metadata.name", "p "),
        ("get pods --chunk-size=1", "p "),
        ("get pod,svc,cm -o name", "configmap/kube-root-ca.crt"),
        ("get all", "pod/p"),
        ("get pods -w --request-timeout=1s", "p "),
        ("get pods --output-watch-events -w --request-timeout=1s", "ADDED"),
        ("get --raw /readyz", "ok"),
        ("get --raw /readyz?verbose", "[+]ping ok"),
        ("get --raw /api/v1/namespaces/default/pods/p", "\"kind\":\"Pod\""),
    ] {
        shell.prints(line, wanted).await;
    }
    shell.refuses("get pod nope", "", "pods \"nope\" not found").await;
    shell.refuses("get things", "", "the server doesn't have a resource type \"things\"").await;
    let bad = "get pods --field-selector=foo=bar";
    shell.refuses(bad, "", "field label not supported: foo").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn describe() {
    let shell = with_pod().await;
    shell.takes("create -f -", DEPLOYMENT, "created").await;
    for (line, wanted) in [
        ("describe pod p", "Service Account:  default"),
        ("describe deploy web", "Replicas:               2 desired"),
        ("describe ns default", "Status:       Active"),
        ("describe sa default", "Name:                default"),
        ("describe clusterrole view", "pods/log"),
        ("describe cm kube-root-ca.crt", "BEGIN CERTIFICATE"),
    ] {
        shell.prints(line, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn explain() {
    let shell = Shell::start().await;
    for (line, wanted) in [
        ("explain pods", "Pod is a collection of containers"),
        ("explain pods --recursive", "terminationGracePeriodSeconds\t<integer>"),
        ("explain deployment.spec.strategy.rollingUpdate", "maxSurge\t<IntOrString>"),
        ("explain pod.spec.containers.ports.containerPort", "FIELD: containerPort <integer>"),
        ("explain cronjob.spec", "concurrencyPolicy"),
        ("explain clusterrolebinding.roleRef", "name\t<string> -required-"),
        ("explain netpol.spec.egress.to.ipBlock", "cidr\t<string> -required-"),
        ("explain crd.spec.versions", "additionalPrinterColumns"),
    ] {
        shell.prints(line, wanted).await;
    }
    shell.refuses("explain pod.spec.nope", "", "field \"nope\" does not exist").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn api_resources_and_versions() {
    let shell = Shell::start().await;
    for (line, wanted) in [
        ("api-resources", "networkpolicies"),
        ("api-resources --namespaced=false -o name", "clusterroles.rbac.authorization.k8s.io"),
        ("api-resources --api-group=apps -o wide", "create,delete,deletecollection,get"),
        ("api-versions", "apps/v1"),
        ("version", "Server Version: v1."),
        ("cluster-info", "is running at"),
    ] {
        shell.prints(line, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn events() {
    let shell = with_pod().await;
    // Written by the newer API, as clients of today do, and read by the older one, as kubectl does.
    let event = r#"
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: p.1, namespace: default}
eventTime: "2026-01-02T03:04:05.000000Z"
regarding: {kind: Pod, name: p, namespace: default, apiVersion: v1}
reason: Pulled
note: the image is here
type: Normal
action: Pull
reportingController: kubelet
reportingInstance: node-1
"#;
    shell.takes("create -f -", event, "event.events.k8s.io/p.1 created").await;
    for (line, wanted) in [
        ("events", "the image is here"),
        ("events --for pod/p", "Pulled"),
        ("get events", "pod/p"),
        ("get events.events.k8s.io -o jsonpath='{.items[0].note}'", "the image is here"),
        ("get events -o jsonpath='{.items[0].message}'", "the image is here"),
        ("get events --field-selector=involvedObject.name=p -o name", "event/p.1"),
    ] {
        shell.prints(line, wanted).await;
    }
    let patch = r#"patch events.events.k8s.io p.1 --type=merge -p '{"note":"other"}'"#;
    shell.prints(patch, "patched").await;
    shell.prints("get events -o jsonpath='{.items[0].message}'", "other").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn wait() {
    let shell = with_pod().await;
    shell.prints("wait --for=jsonpath='{.status.phase}'=Pending pod/p --timeout=5s", "met").await;
    let late = "wait --for=condition=Ready pod/p --timeout=1s";
    shell.refuses(late, "", "timed out waiting for the condition").await;
    let status = r#"patch pod p --subresource=status -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'"#;
    shell.prints(status, "patched").await;
    shell.prints("wait --for=condition=Ready pod/p --timeout=5s", "condition met").await;
    shell.prints("delete pod p --grace-period=0 --force", "force deleted").await;
    shell.prints("wait --for=delete pod/p --timeout=5s", "").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn every_kind_has_its_table() {
    let shell = Shell::start().await;
    for line in [
        "create quota q --hard=pods=5,limits.cpu=2",
        "create deployment web --image=x",
        "create service externalname e --external-name=a.example",
        "create priorityclass pc --value=7",
    ] {
        shell.feed(line, "").await;
    }
    for (line, wanted) in [
        ("get quota", "pods: 0/5"),
        ("get quota", "limits.cpu: 0/2"),
        ("get sa", "SECRETS"),
        ("get deploy", "UP-TO-DATE"),
        ("get svc", "a.example"),
        ("get pc", "PREEMPTIONPOLICY"),
        ("get clusterrolebinding cluster-admin -o wide", "ClusterRole/cluster-admin"),
    ] {
        shell.prints(line, wanted).await;
    }
}
