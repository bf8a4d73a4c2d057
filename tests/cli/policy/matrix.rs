use std::fs;

use insta::assert_snapshot;

use crate::run::Home;

const CLUSTER: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}}
---
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
    fs::write(home.dir.path().join("all.yaml"), CLUSTER).expect("a file");
    home
}

#[test]
fn says_for_every_pair_what_passes_and_why() {
    let args = ["policy", "matrix", "-f", "all.yaml", "--ports", "80/tcp,5432/tcp"];
    assert_snapshot!(home().run(&args), @r"
code: 0
--- stdout
FROM      TO        VERDICTS               DECIDED BY
shop/db   shop/web  allow 80/tcp 5432/tcp  -
shop/web  shop/db   deny 80/tcp            -
shop/web  shop/db   allow 5432/tcp         NetworkPolicy shop/db spec.ingress[0]
--- stderr
");
}

#[test]
fn json_has_the_promised_fields() {
    let args = [
        "policy",
        "matrix",
        "-f",
        "all.yaml",
        "--ports",
        "5432/tcp,8/icmp",
        "-o",
        "json",
        "--peer",
        "ip:198.51.100.7",
    ];
    let answer = home().run(&args).json();
    assert_eq!(answer["kind"], "PolicyMatrixList");
    let items = answer["items"].as_array().expect("a list");
    assert_eq!(items.len(), 3 * 2 * 2, "every ordered pair, twice");
    let of = |from: &str, to: &str, protocol: &str| {
        items
            .iter()
            .find(|i| i["from"] == from && i["to"] == to && i["protocol"] == protocol)
            .unwrap_or_else(|| panic!("no {from} {to}"))
    };
    assert_eq!(
        *of("shop/web", "shop/db", "TCP"),
        serde_json::json!({
            "from": "shop/web", "to": "shop/db", "protocol": "TCP", "port": 5432,
            "egress": "allow", "ingress": "allow", "verdict": "allow", "egressRule": null,
            "ingressRule": {
                "kind": "NetworkPolicy", "namespace": "shop", "name": "db",
                "rule": "spec.ingress[0]", "file": "all.yaml", "line": 17,
            },
        })
    );
    let outside = of("ip:198.51.100.7", "shop/db", "ICMP");
    assert_eq!((&outside["egress"], &outside["verdict"]), (&"none".into(), &"deny".into()));
}

#[test]
fn what_no_agent_would_accept_is_told_with_its_place() {
    let home = home();
    let policy = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x}\nspec:\n  endpointSelector: {}\n  ingres: []\n";
    fs::write(home.dir.path().join("bad.yaml"), policy).expect("a file");
    assert_snapshot!(home.run(&["policy", "matrix", "-f", "all.yaml", "bad.yaml"]), @r#"
code: 4
--- stdout
--- stderr
warning: bad.yaml:5:3: spec: needs a rule in one of ingress, ingressDeny, egress, egressDeny
warning: bad.yaml:6:3: spec: has no field "ingres"; did you mean "ingress"?
error: 1 of the policies cannot be accepted

hint: an agent would reject these objects as a whole
"#);
    let run = |args: &[&str]| home.run(&[&["policy", "matrix", "-f"], args].concat());
    fs::write(home.dir.path().join("not.yaml"), "a: [1\nb: 2").expect("a file");
    assert_eq!(run(&["not.yaml"]).code, Some(4));
    fs::write(home.dir.path().join("latin.yaml"), b"a: \xe9\n").expect("a file");
    let latin = run(&["latin.yaml"]);
    assert!(latin.stderr.contains("latin.yaml is not UTF-8: byte 3"), "{latin}");
    assert_eq!(run(&["nowhere"]).code, Some(4));
    assert_eq!(run(&["all.yaml", "all.yaml"]).code, Some(4), "objects twice");
    assert_eq!(run(&["all.yaml", "--peer", "entity:universe"]).code, Some(2));
    assert_eq!(run(&["all.yaml", "--ports", "80"]).code, Some(2));
}

#[test]
fn draws_what_other_programs_read() {
    let home = home();
    let of = |format| home.run(&["policy", "matrix", "-f", "all.yaml", "-o", format]).stdout;
    assert!(of("csv").starts_with("from,to,protocol,port,egress,ingress,verdict,"));
    assert_eq!(of("csv").lines().count(), 1 + 2 * 3);
    assert!(of("dot").contains("\"shop/db\" -> \"shop/web\" [label=\"all\"];"));
    assert!(of("svg").starts_with("<svg ") && of("svg").contains("<title>shop/web to shop/db:"));
}

#[test]
fn stdin_and_lists_and_compat() {
    let home = home();
    let list = r#"{"kind":"List","apiVersion":"v1","items":[
      {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n","labels":{"app":"a"}},"spec":{},"status":{"podIP":"10.1.0.1"}},
      {"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","namespace":"n","labels":{"app":"b"}},"spec":{}},
      {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p","namespace":"n"},
       "spec":{"podSelector":{"matchLabels":{"app":"b"}},"ingress":[{"from":[{"ipBlock":{"cidr":"10.1.0.0/16"}}]}]}}]}"#;
    fs::write(home.dir.path().join("list.json"), list).expect("a file");
    let verdict = |compat: &str| {
        let mut command = home.command(&[
            "policy", "matrix", "-f", "-", "-o", "csv", "--ports", "80/tcp", "--compat", compat,
        ]);
        let file = fs::File::open(home.dir.path().join("list.json")).expect("the file");
        command.stdin(file);
        home.finish(command).stdout
    };
    assert!(verdict("kubernetes").contains("n/a,n/b,TCP,80,allow,allow,allow"), "the API text");
    assert!(verdict("cilium").contains("n/a,n/b,TCP,80,allow,deny,deny"), "Cilium's reading");
}
