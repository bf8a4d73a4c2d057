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
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: quarantine, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: db}}
  enableDefaultDeny: {egress: false}
  egress:
  - toEntities: [all]
  egressDeny:
  - toEntities: [world]
";

fn run(args: &[&str]) -> crate::run::Outcome {
    let home = Home::new();
    fs::write(home.dir.path().join("all.yaml"), CLUSTER).expect("a file");
    home.run(&[&["policy", "explain"], args, &["-f", "all.yaml"]].concat())
}

#[test]
fn names_the_rule_that_allows() {
    assert_snapshot!(run(&["shop/deployment/web", "shop/db", "--port", "5432/tcp"]), @r"
code: 0
--- stdout
ALLOWED shop/deployment/web -> shop/db 5432/tcp

egress of shop/deployment/web: allow, no policy isolates shop/deployment/web for egress

ingress of shop/db: allow, decided by
  NetworkPolicy shop/db spec.ingress[0] (all.yaml:17)
    allows 5432/tcp from pods app=web in shop
--- stderr
");
}

#[test]
fn names_the_policies_that_isolate_and_why_their_rules_do_not_help() {
    assert_snapshot!(run(&["shop/deployment/web", "shop/db"]), @r"
code: 1
--- stdout
DENIED shop/deployment/web -> shop/db 80/tcp

egress of shop/deployment/web: allow, no policy isolates shop/deployment/web for egress

ingress of shop/db: deny, no rule allows it, and shop/db is isolated
  isolated by:
    NetworkPolicy shop/db (all.yaml:11)
  about shop/deployment/web, but other ports:
    NetworkPolicy shop/db spec.ingress[0] (all.yaml:17)
      allows 5432/tcp from pods app=web in shop
--- stderr
");
}

#[test]
fn names_the_denial_and_whom_it_beats_in_both_families() {
    for outside in ["ip:198.51.100.7", "ip:2001:db8::7"] {
        let outcome = run(&["shop/db", outside, "-o", "json"]);
        assert_eq!(outcome.code, Some(1), "{outcome}");
        let answer = outcome.json();
        assert_eq!(
            (&answer["kind"], &answer["verdict"]),
            (&"PolicyExplanation".into(), &"deny".into())
        );
        let egress = &answer["egress"];
        assert_eq!(egress["reason"], "rule");
        assert_eq!(
            (&egress["rule"]["rule"], &egress["rule"]["line"]),
            (&"spec.egressDeny[0]".into(), &29.into())
        );
        let outcomes: Vec<_> =
            egress["candidates"].as_array().unwrap().iter().map(|c| &c["outcome"]).collect();
        assert_eq!(outcomes, ["decides", "beaten-by-denial"]);
        assert_eq!(answer["ingress"]["reason"], "no-policy");
    }
}

#[test]
fn ends_of_every_form() {
    for (from, to, code) in [
        ("entity:host", "shop/db", 0),
        ("shop/db", "fqdn:api.example.com", 1),
        ("id:1", "shop/db", 0),
        ("shop/db", "shop/deployment/web", 0),
        ("shop/bd", "shop/deployment/web", 2),
        ("entity:universe", "shop/db", 2),
    ] {
        let outcome = run(&[from, to]);
        assert_eq!(outcome.code, Some(code), "{from} {to}: {outcome}");
    }
    let dot = run(&["shop/db", "entity:world-ipv6", "-o", "dot"]).stdout;
    assert!(dot.starts_with("digraph explain {") && dot.contains("color=red"), "{dot}");
}

#[test]
fn numbers_are_those_of_identity_objects() {
    let home = Home::new();
    let identity = "---\napiVersion: skep.io/v1alpha1\nkind: SkepIdentity\nmetadata: {name: '1234'}\nspec: {labels: {'k8s:app': web, 'k8s:io.kubernetes.pod.namespace': shop, 'k8s:io.cilium.k8s.policy.cluster': default}}\n";
    fs::write(home.dir.path().join("all.yaml"), format!("{CLUSTER}{identity}")).expect("a file");
    let run = |args: &[&str]| {
        home.run(
            &[&["policy", "explain"], args, &["--port", "5432/tcp", "-f", "all.yaml"]].concat(),
        )
    };
    let allowed = run(&["id:1234", "shop/db"]);
    assert!(
        allowed.code == Some(0) && allowed.stdout.starts_with("ALLOWED id:1234 -> shop/db"),
        "{allowed}"
    );
    let unknown = run(&["id:4321", "shop/db"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.stderr.contains("there is no identity 4321"), "{unknown}");
}

#[test]
fn without_a_cluster_it_says_how_to_do_without() {
    let outcome = Home::new().run(&["policy", "explain", "a/b", "c/d"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    for part in ["cannot use a kubeconfig: none is named", "name them by -f FILES"] {
        assert!(outcome.stderr.contains(part), "{outcome}");
    }
}

#[test]
fn what_a_pod_sends_to_itself_is_not_judged() {
    let itself = run(&["shop/db", "shop/db"]);
    assert!(
        itself.code == Some(0)
            && itself.stdout.starts_with(
                "ALLOWED shop/db -> shop/db 80/tcp\nWhat a pod sends to itself never leaves it"
            ),
        "{itself}"
    );
    assert!(itself.stdout.contains("ingress of shop/db: deny"), "{itself}");
}
