use std::fs;

use insta::assert_snapshot;

use crate::run::Home;

const PODS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}}
";
const POLICY: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
";

fn home() -> Home {
    let home = Home::new();
    let write = |name: &str, text: &str| {
        let path = home.dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write("old/policy.yaml", POLICY);
    write("new/policy.yaml", &POLICY.replace("5432", "6432"));
    write("none/policy.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    write("pods.yaml", PODS);
    home
}

fn run(home: &Home, args: &[&str]) -> crate::run::Outcome {
    home.run(&[&["policy", "diff"], args].concat())
}

#[test]
fn says_what_is_lost_and_gained_for_each_pair() {
    assert_snapshot!(run(&home(), &["old", "new", "-f", "pods.yaml"]), @r"
code: 0
--- stdout
shop/deployment/web -> shop/deployment/db
  - lost   5432/tcp
  + gained 6432/tcp
Lost for 1 pair, gained for 1 pair.
--- stderr
");
}

#[test]
fn isolation_shows_in_every_port_and_from_outside() {
    let home = home();
    let outcome =
        run(&home, &["none", "old", "-f", "pods.yaml", "-o", "json", "--fail-on", "lost"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let answer = outcome.json();
    let items = answer["items"].as_array().unwrap();
    let of = |from: &str, to: &str| {
        let is = |i: &&serde_json::Value| i["from"] == from && i["to"] == to;
        items.iter().find(is).unwrap_or_else(|| panic!("no {from} {to}: {answer}"))
    };
    for outside in ["entity:world-ipv4", "entity:world-ipv6"] {
        let lost = of(outside, "shop/deployment/db")["lost"].as_array().unwrap();
        assert!(lost.iter().any(|p| p["protocol"] == "TCP" && p["port"].is_null()), "all others");
        assert!(lost.iter().any(|p| p["port"] == 5432));
    }
    let own = of("shop/deployment/db", "shop/deployment/db");
    assert!(own["gained"].as_array().unwrap().is_empty(), "pods of one workload");
    let web = of("shop/deployment/web", "shop/deployment/db")["lost"].as_array().unwrap();
    assert!(!web.iter().any(|p| p["port"] == 5432), "{web:?}");
    assert!(!items.iter().any(|i| i["from"] == "entity:host"), "the host may reach its pods");
}

#[test]
fn fails_on_what_it_is_told_to() {
    let home = home();
    for (old, new, fail_on, code) in [
        ("none", "old", "gained", 0),
        ("none", "old", "any", 1),
        ("old", "none", "gained", 1),
        ("old", "none", "lost", 0),
        ("old", "old", "any", 0),
    ] {
        let outcome = run(&home, &[old, new, "-f", "pods.yaml", "--fail-on", fail_on]);
        assert_eq!(outcome.code, Some(code), "{old} {new} {fail_on}: {outcome}");
    }
    let same = run(&home, &["old", "old", "-f", "pods.yaml"]);
    assert_eq!(same.stdout, "No connectivity changes.\n");
    assert_eq!(run(&home, &["old", "new"]).code, Some(4), "nobody to connect");
    assert_eq!(run(&home, &["old", "nowhere"]).code, Some(4));
}

#[test]
fn markdown_and_workloads_of_one_side() {
    let home = home();
    let table = run(&home, &["old", "new", "-f", "pods.yaml", "-o", "markdown"]).stdout;
    assert!(
        table.contains("| shop/deployment/web | shop/deployment/db | 5432/tcp | 6432/tcp |"),
        "{table}"
    );
    let more = PODS.replace("name: web", "name: api");
    fs::write(home.dir.path().join("new/pods.yaml"), more).expect("a file");
    fs::write(home.dir.path().join("old/pods.yaml"), PODS).expect("a file");
    let text = run(&home, &["old", "new"]).stdout;
    assert!(text.contains("new workloads, not compared: shop/deployment/api"), "{text}");
    assert!(text.contains("gone workloads, not compared: shop/deployment/web"), "{text}");
}
