//! apply on the client's and on the server's side, diff, dry runs.

use super::shell::{DEPLOYMENT, Shell};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn apply() {
    let shell = Shell::start().await;
    shell.takes("apply -f -", DEPLOYMENT, "deployment.apps/web created").await;
    shell.takes("apply -f -", DEPLOYMENT, "deployment.apps/web unchanged").await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    shell.takes("apply -f -", &changed, "deployment.apps/web configured").await;
    shell.prints("get deploy web -o wide", "nginx:2").await;
    let less = changed.replace("labels: {app: web}}\nspec", "labels: {}}\nspec");
    shell.takes("apply -f -", &less, "configured").await;
    shell.prints("get deploy web --show-labels", "<none>").await;
    shell.takes("apply view-last-applied -f -", &less, "nginx:2").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn apply_server_side() {
    let shell = Shell::start().await;
    let line = "apply --server-side -f -";
    shell.takes(line, DEPLOYMENT, "deployment.apps/web serverside-applied").await;
    shell.takes(line, DEPLOYMENT, "serverside-applied").await;
    let other = "apply --server-side --field-manager=other -f -";
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    let conflict = r#"conflict with "kubectl": .spec.template.spec.containers[name="web"].image"#;
    shell.refuses(other, &changed, conflict).await;
    let forced = "apply --server-side --field-manager=other --force-conflicts -f -";
    shell.takes(forced, &changed, "serverside-applied").await;
    shell.prints("get deploy web -o yaml --show-managed-fields", "manager: other").await;
    shell.refuses(line, DEPLOYMENT, "conflict with \"other\"").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn apply_server_side_takes_over_from_the_clients_side() {
    let shell = Shell::start().await;
    shell.takes("apply -f -", DEPLOYMENT, "created").await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    shell.takes("apply --server-side -f -", &changed, "serverside-applied").await;
    shell.prints("get deploy web -o wide", "nginx:2").await;
    shell.prints("apply view-last-applied deploy/web", "nginx:2").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn diff() {
    let shell = Shell::start().await;
    shell.takes("apply -f -", DEPLOYMENT, "created").await;
    shell.takes("diff -f -", DEPLOYMENT, "").await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    let output = shell.run("diff -f -", &changed).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("+      - image: nginx:2"));
    shell.prints("get deploy web -o wide", "nginx:1").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn a_dry_run_on_the_server_checks_and_stores_nothing() {
    let shell = Shell::start().await;
    shell.takes("create --dry-run=server -f -", DEPLOYMENT, "created (server dry run)").await;
    shell.refuses("get deploy web", "", "not found").await;
    let bad = DEPLOYMENT.replace("replicas: 2", "replicas: -2");
    shell.refuses("apply --dry-run=server -f -", &bad, "must be greater than or equal to 0").await;
    shell.takes("apply -f -", DEPLOYMENT, "created").await;
    for line in [
        "scale deploy web --replicas=5 --dry-run=server",
        "patch deploy web -p '{\"spec\":{\"replicas\":5}}' --dry-run=server",
        "label deploy web x=y --dry-run=server",
        "annotate deploy web x=y --dry-run=server",
        "set image deploy/web web=nginx:9 --dry-run=server",
        "rollout restart deploy/web",
        "delete deploy web --dry-run=server",
    ] {
        shell.feed(line, "").await;
    }
    shell
        .prints(
            "get deploy web -o jsonpath='{.spec.replicas}{.metadata.labels}'",
            "2{\"app\":\"web\"}",
        )
        .await;
    shell.takes("replace --dry-run=server -f -", DEPLOYMENT, "replaced (server dry run)").await;
}
