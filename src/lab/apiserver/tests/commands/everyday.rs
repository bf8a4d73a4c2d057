//! What people type every day.

use super::shell::{DEPLOYMENT, POD, Shell};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn everyday_commands_work() {
    let shell = Shell::start().await;
    let step = async |line: &str, stdin: &str, wanted: &str| shell.takes(line, stdin, wanted).await;
    step("version", "", "Server Version").await;
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
    let failed = shell.run("exec p -- exit 7", "").await;
    assert_eq!(failed.status.code(), Some(7));
    step("delete pod p --grace-period=0 --force", "", "force deleted").await;
    step("api-resources", "", "networkpolicies").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn commands_that_send_protobuf_work() {
    let shell = Shell::start().await;
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
        shell.prints(line, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn problems_are_explained() {
    let shell = Shell::start().await;
    let fails =
        async |line: &str, stdin: &str, wanted: &str| shell.refuses(line, stdin, wanted).await;
    fails("get pod nope", "", "pods \"nope\" not found").await;
    fails(
        "apply -f -",
        &POD.replace("name: c,", "name: c, junk: 1,"),
        "unknown field \"spec.containers[0].junk\"",
    )
    .await;
    fails(
        "apply -f -",
        &DEPLOYMENT.replace("matchLabels: {app: web}", "matchLabels: {app: other}"),
        "`selector` does not match template `labels`",
    )
    .await;
    fails("create -f -", &POD.replace("name: p,", "name: Bad_Name,"), "is invalid").await;
}
