//! Commands about policies that read a cluster instead of files.

use serde_json::{Value, json};

use super::{
    lab::{Lab, text},
    policy::{apply, ask, only_frontend},
};

/// Selects a pod that nobody has: two letters changed places.
fn typo() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "typo", "namespace": "shop" },
        "spec": {
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": "fronetnd" } },
            "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "podSelector": {} }] }],
        },
    })
}

#[tokio::test]
#[ignore = "needs root"]
async fn lint_explain_and_matrix_read_the_cluster() {
    let lab = Lab::up("lint", &["--nodes", "1"]);
    apply(&lab, &only_frontend()).await;
    let clean = ask(&lab, &["policy", "lint", "--cluster"]);
    assert!(clean.status.success(), "{}", text(&clean));
    apply(&lab, &typo()).await;
    let output = ask(&lab, &["policy", "lint", "--cluster", "--fail-on", "warn", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = list["items"].as_array().expect("a list");
    let of_typo: Vec<_> = findings.iter().filter(|f| f["object"] == "typo").collect();
    assert!(
        of_typo.iter().any(|finding| {
            finding["code"] == "NP2001"
                && finding["namespace"] == "shop"
                && finding["kind"] == "NetworkPolicy"
        }),
        "{findings:?}"
    );
    let explain = |from: &str| {
        let ends = [from, "shop/deployment/api", "--port", "8125/udp"];
        ask(&lab, &[&["policy", "explain"][..], &ends].concat())
    };
    let allowed = explain("shop/deployment/frontend");
    assert!(allowed.status.success(), "{}", text(&allowed));
    let denied = explain("shop/statefulset/database");
    assert_eq!(denied.status.code(), Some(1), "{}", text(&denied));
    assert!(text(&denied).contains("only-frontend"), "{}", text(&denied));
    let matrix = ask(&lab, &["policy", "matrix", "--ports", "8125/udp", "-o", "json"]);
    assert!(matrix.status.success(), "{}", text(&matrix));
    let list: Value = serde_json::from_slice(&matrix.stdout).expect("JSON");
    let verdict = |from: &str| {
        let items = list["items"].as_array().expect("a list").iter();
        let is_it = |end: &Value, name: &str| end.as_str().is_some_and(|end| end.starts_with(name));
        let mut own = items.filter(|item| {
            is_it(&item["from"], &format!("shop/{from}")) && is_it(&item["to"], "shop/api")
        });
        own.next().expect("the pair is there")["verdict"].clone()
    };
    assert_eq!((verdict("frontend"), verdict("database")), (json!("allow"), json!("deny")));
}
