//! create with all its generators, run, expose.

use super::shell::{POD, Shell};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn create() {
    let shell = Shell::start().await;
    for (line, wanted) in [
        ("create namespace shop", "namespace/shop created"),
        ("create configmap c --from-literal=a=b", "configmap/c created"),
        ("create secret generic s --from-literal=a=b", "secret/s created"),
        (
            "create secret docker-registry r --docker-username=a --docker-password=b",
            "secret/r created",
        ),
        ("create serviceaccount sa", "serviceaccount/sa created"),
        (
            "create deployment web --image=nginx:1 --replicas=3 --port=80",
            "deployment.apps/web created",
        ),
        ("create service clusterip web --tcp=80:http", "service/web created"),
        ("create service clusterip headless --clusterip=None", "service/headless created"),
        ("create service nodeport np --tcp=80:8080", "service/np created"),
        ("create service loadbalancer lb --tcp=80:8080", "service/lb created"),
        ("create service externalname en --external-name=a.example", "service/en created"),
        (
            "create role r --verb=get,list --resource=pods",
            "role.rbac.authorization.k8s.io/r created",
        ),
        ("create rolebinding rb --role=r --serviceaccount=default:sa", "created"),
        ("create clusterrole cr --verb=* --resource=deployments.apps", "created"),
        ("create clusterrole paths --verb=get --non-resource-url=/metrics", "created"),
        ("create clusterrole sum --aggregation-rule=example.com/sum=true", "created"),
        ("create clusterrolebinding crb --clusterrole=cr --user=bob", "created"),
        ("create job j --image=x -- echo hi", "job.batch/j created"),
        ("create cronjob cj --image=x --schedule=@hourly", "cronjob.batch/cj created"),
        ("create job j2 --from=cronjob/cj", "job.batch/j2 created"),
        ("create ingress i --rule=host.example/path=web:80", "created"),
        ("create pdb p --selector=app=web --min-available=50%", "created"),
        ("create quota q --hard=pods=5", "resourcequota/q created"),
        ("create priorityclass pc --value=1000", "created"),
    ] {
        shell.prints(line, wanted).await;
    }
    let token = shell.feed("create token sa --duration=1h", "").await;
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    shell.refuses("create token nobody", "", "serviceaccounts \"nobody\" not found").await;
    shell.refuses("create namespace shop", "", "namespaces \"shop\" already exists").await;
    shell.prints("get job j2 -o jsonpath='{.spec.template.spec.containers[0].image}'", "x").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn create_from_a_list_and_by_generated_name() {
    let shell = Shell::start().await;
    let named = POD.replace("name: p,", "generateName: p-,");
    for _ in 0..2 {
        shell.takes("create -f -", &named, "pod/p-").await;
    }
    let list = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
"#;
    shell.takes("create -f -", list, "configmap/two created").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn run() {
    let shell = Shell::start().await;
    shell.prints("run web --image=nginx --port=80 --expose", "pod/web created").await;
    shell.prints("get svc web", "80/TCP").await;
    let line = "run once --image=x --labels=a=b --env=X=y --restart=Never -- echo hi";
    shell.prints(line, "pod/once created").await;
    let read = "get pod once -o jsonpath='{.spec.restartPolicy} {.spec.containers[0].args}'";
    shell.prints(read, "Never [\"echo\",\"hi\"]").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn expose() {
    let shell = Shell::start().await;
    shell.prints("create deployment web --image=nginx --port=80", "created").await;
    shell.prints("expose deploy web --port=8080 --target-port=80", "service/web exposed").await;
    shell
        .prints(
            "get svc web -o jsonpath='{.spec.selector.app}:{.spec.ports[0].targetPort}'",
            "web:80",
        )
        .await;
    shell.takes("create -f -", POD, "created").await;
    shell.prints("expose pod p --port=80 --type=NodePort --name=np", "service/np exposed").await;
    shell.prints("get svc np", "NodePort").await;
}
