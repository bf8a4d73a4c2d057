//! auth can-i, whoami, reconcile, and acting as somebody else.

use super::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn auth() {
    let shell = Shell::start().await;
    for line in [
        "create serviceaccount sa",
        "create role reader --verb=get,list --resource=pods",
        "create rolebinding reader --role=reader --serviceaccount=default:sa",
        "create clusterrolebinding bob --clusterrole=view --user=bob",
        "create clusterrolebinding ops --clusterrole=edit --group=ops",
        "create clusterrole one --verb=get --resource=secrets --resource-name=first",
        "create clusterrolebinding one --clusterrole=one --user=ann",
    ] {
        shell.prints(line, "created").await;
    }
    let account = "system:serviceaccount:default:sa";
    for (line, allowed) in [
        ("create pods".to_owned(), true),
        ("'*' '*'".to_owned(), true),
        (format!("list pods --as={account}"), true),
        (format!("list pods -n kube-system --as={account}"), false),
        (format!("delete pods --as={account}"), false),
        (format!("get secrets --as={account}"), false),
        ("get pods --subresource=log --as=bob".to_owned(), true),
        ("get secrets --as=bob".to_owned(), false),
        ("create deployments.apps --as=eve --as-group=ops".to_owned(), true),
        ("create roles --as=eve --as-group=ops".to_owned(), false),
        ("get secret/first --as=ann".to_owned(), true),
        ("get secret/second --as=ann".to_owned(), false),
        ("get /version --as=eve".to_owned(), true),
        ("get /metrics --as=eve".to_owned(), false),
    ] {
        let output = shell.run(&format!("auth can-i {line}"), "").await;
        let answer = String::from_utf8_lossy(&output.stdout);
        assert_eq!(answer.trim(), if allowed { "yes" } else { "no" }, "{line}");
    }
    shell.prints(&format!("auth can-i --list --as={account}"), "pods").await;
    shell.prints("auth whoami", "kubernetes-admin").await;
    shell.prints(&format!("auth whoami --as={account}"), "system:serviceaccounts:default").await;
    let denied = r#"secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "default""#;
    shell.refuses("get secrets --as=bob", "", denied).await;
    let denied = r#"pods "p" is forbidden: User "eve" cannot get resource "pods""#;
    shell.refuses("get pod p --as=eve", "", denied).await;
    let denied = r#"nodes is forbidden: User "eve" cannot list resource "nodes" in API group "" at the cluster scope"#;
    shell.refuses("get nodes --as=eve", "", denied).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn a_token_has_the_rights_of_its_account() {
    let shell = Shell::start().await;
    shell.prints("create serviceaccount sa", "created").await;
    let token = shell.feed("create token sa", "").await;
    let config = shell.lab.path("tokenconfig");
    std::fs::write(&config, shell.lab.kubeconfig_with_token(token.trim())).unwrap();
    let with_token = |line: &str| format!("--kubeconfig={} {line}", config.display());
    shell.prints(&with_token("auth whoami"), "system:serviceaccount:default:sa").await;
    shell.refuses(&with_token("get pods"), "", "pods is forbidden").await;
    shell.prints("create rolebinding v --clusterrole=view --serviceaccount=default:sa", "").await;
    shell.prints(&with_token("get pods"), "No resources found").await;
    shell.refuses(&with_token("get pods -A"), "", "at the cluster scope").await;
    shell.prints("delete sa sa", "deleted").await;
    shell.refuses(&with_token("get pods"), "", "Unauthorized").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn nobody_grants_what_they_do_not_have() {
    let shell = Shell::start().await;
    shell.prints("create clusterrolebinding ann --clusterrole=admin --user=ann", "created").await;
    shell.prints("create role a --verb=get --resource=secrets --as=ann", "created").await;
    let words = "is attempting to grant RBAC permissions not currently held";
    shell.refuses("create role b --verb=get --resource=nodes --as=ann", "", words).await;
    let bind = "create rolebinding b --clusterrole=cluster-admin --user=ann --as=ann";
    shell.refuses(bind, "", words).await;
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: rec}, \
                rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]}";
    shell.takes("auth reconcile -f -", role, "reconciled").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn roles_for_custom_kinds_are_added_to_those_of_people() {
    let shell = Shell::start().await;
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: widgets, \
                labels: {rbac.authorization.k8s.io/aggregate-to-view: \"true\"}}, \
                rules: [{apiGroups: [example.com], resources: [widgets], verbs: [get]}]}";
    shell.takes("apply -f -", role, "created").await;
    for person in ["view", "edit", "admin"] {
        shell.prints(&format!("describe clusterrole {person}"), "widgets.example.com").await;
    }
    shell.prints("delete clusterrole widgets", "deleted").await;
    let out = shell.feed("describe clusterrole admin", "").await;
    assert!(!out.contains("widgets"), "{out}");
}
