//! kubectl against the server, when one is on the machine.

use std::path::Path;
use std::process::Output;

use super::harness::Lab;

/// Runs kubectl; `None` without one, so that tests on such machines say so and end.
async fn kubectl(lab: &Lab, arguments: &[&str], stdin: &str) -> Option<Output> {
    let config = lab.kubeconfig_file();
    let cache = lab.path("cache");
    let mut command = tokio::process::Command::new("kubectl");
    command
        .args(arguments)
        .env("KUBECONFIG", &config)
        .env("HOME", lab.path("."))
        .env("KUBECACHEDIR", &cache)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(_) => {
            println!("no kubectl on PATH: nothing checked");
            return None;
        }
    };
    let mut input = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut input, stdin.as_bytes()).await.unwrap();
    drop(input);
    Some(child.wait_with_output().await.unwrap())
}

/// Runs kubectl, which must succeed, and returns what it printed.
async fn run(lab: &Lab, line: &str, stdin: &str) -> Option<String> {
    let arguments: Vec<&str> = line.split(' ').collect();
    let output = kubectl(lab, &arguments, stdin).await?;
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "kubectl {line}: {out}{err}");
    Some(out.into_owned())
}

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1", ports: [{containerPort: 80}]}
"#;

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {nodeName: node-1, containers: [{name: c, image: x}]}
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn everyday_commands_work() {
    let lab = Lab::start().await;
    let Some(version) = run(&lab, "version", "").await else { return };
    assert!(version.contains("Server Version"), "{version}");
    let step = async |line: &str, stdin: &str, wanted: &str| {
        let out = run(&lab, line, stdin).await.unwrap();
        assert!(out.contains(wanted), "kubectl {line}: expected {wanted:?} in\n{out}");
    };
    step("get namespaces", "", "kube-system").await;
    step("apply -f -", DEPLOYMENT, "deployment.apps/web created").await;
    step("apply -f -", DEPLOYMENT, "deployment.apps/web unchanged").await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    step("apply -f -", &changed, "deployment.apps/web configured").await;
    step("get deploy web -o wide", "", "nginx:2").await;
    step("get deploy", "", "0/2").await;
    step("scale deploy web --replicas=5", "", "scaled").await;
    step("get deploy web -o jsonpath={.spec.replicas}", "", "5").await;
    step("set image deploy/web web=nginx:3", "", "updated").await;
    step("label deploy web color=red", "", "labeled").await;
    step("annotate deploy web a=b", "", "annotated").await;
    step("get deploy -l color=red -o name", "", "deployment.apps/web").await;
    step(
        "patch deploy web --type=json -p [{\"op\":\"remove\",\"path\":\"/metadata/labels/color\"}]",
        "",
        "patched",
    )
    .await;
    step("rollout restart deploy/web", "", "restarted").await;
    step("describe deploy web", "", "nginx:3").await;
    step("apply --server-side --force-conflicts -f -", DEPLOYMENT, "serverside-applied").await;
    step("get deploy web -o yaml --show-managed-fields", "", "manager: kubectl").await;
    step("expose deploy web --port=80", "", "exposed").await;
    step("get svc web", "", "80/TCP").await;
    step("delete deploy web", "", "deleted").await;

    step("create -f -", POD, "pod/p created").await;
    step("get pods -o wide", "", "node-1").await;
    step("exec p -- echo from inside", "", "from inside").await;
    step("exec -i p -- cat", "piped", "piped").await;
    step("logs p --tail=1", "", "three").await;
    let failed = kubectl(&lab, &["exec", "p", "--", "exit", "7"], "").await.unwrap();
    assert_eq!(failed.status.code(), Some(7));
    step("delete pod p --grace-period=0 --force", "", "force deleted").await;
    step("api-resources", "", "networkpolicies").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn commands_that_send_protobuf_work() {
    let lab = Lab::start().await;
    for (line, wanted) in [
        ("create namespace shop", "namespace/shop created"),
        ("create configmap c --from-literal=a=b", "configmap/c created"),
        ("get configmap c -o jsonpath={.data.a}", "b"),
        ("create secret generic s --from-literal=a=b", "secret/s created"),
        ("get secret s -o jsonpath={.data.a}", "Yg=="),
        ("create serviceaccount sa", "serviceaccount/sa created"),
        ("create token sa", "."),
        (
            "create deployment web --image=nginx:1 --replicas=3 --port=80",
            "deployment.apps/web created",
        ),
        ("get deploy web", "0/3"),
        (
            "get deploy web -o jsonpath={.spec.template.spec.containers[0].ports[0].containerPort}",
            "80",
        ),
        ("create service clusterip web --tcp=80:http", "service/web created"),
        ("get svc web -o jsonpath={.spec.ports[0].targetPort}", "http"),
        ("create service nodeport np --tcp=80:8080", "service/np created"),
        (
            "create role r --verb=get,list --resource=pods",
            "role.rbac.authorization.k8s.io/r created",
        ),
        ("get role r -o jsonpath={.rules[0]}", r#""apiGroups":[""]"#),
        ("create rolebinding rb --role=r --serviceaccount=default:sa", "created"),
        ("create clusterrole cr --verb=* --resource=deployments.apps", "created"),
        ("create clusterrolebinding crb --clusterrole=cr --user=bob", "created"),
        ("create job j --image=x -- echo hi", "job.batch/j created"),
        ("get job j -o jsonpath={.spec.template.spec.containers[0].command}", r#"["echo","hi"]"#),
        ("create cronjob cj --image=x --schedule=@hourly", "cronjob.batch/cj created"),
        ("create ingress i --rule=host/path=web:80", "created"),
        ("get ingress i", "host"),
        ("create pdb p --selector=app=web --min-available=1", "created"),
        ("create quota q --hard=pods=5", "resourcequota/q created"),
        ("create priorityclass pc --value=1000", "created"),
        ("auth can-i create pods", "yes"),
        ("auth can-i --list", "*"),
        ("auth whoami", "kubernetes-admin"),
    ] {
        let Some(out) = run(&lab, line, "").await else { return };
        assert!(out.contains(wanted), "kubectl {line}: expected {wanted:?} in\n{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn problems_are_explained() {
    let lab = Lab::start().await;
    let fails = async |line: &str, stdin: &str, wanted: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let Some(output) = kubectl(&lab, &arguments, stdin).await else { return };
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && err.contains(wanted), "kubectl {line}: {err}");
    };
    fails("get pod nope", "", "pods \"nope\" not found").await;
    fails(
        "apply -f -",
        &POD.replace("image: x", "image: x, junk: 1"),
        "unknown field \"spec.containers[0].junk\"",
    )
    .await;
    fails(
        "apply -f -",
        &DEPLOYMENT.replace("matchLabels: {app: web}", "matchLabels: {app: other}"),
        "`selector` does not match template `labels`",
    )
    .await;
    fails("create -f -", &POD.replace("name: p", "name: Bad_Name"), "is invalid").await;
    assert!(Path::new(&lab.kubeconfig_file()).exists());
}
