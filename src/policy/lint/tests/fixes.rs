//! What `--fix` does to texts.

use super::findings;
use crate::policy::{
    lint::{Safety, Whole, apply, edits},
    parse::Settings,
};

fn fixed(text: &str) -> String {
    changed(text, Safety::Safe, "")
}

/// Makes the changes of codes that begin so.
fn changed(text: &str, most: Safety, code: &str) -> String {
    let findings = findings(text, Whole::Part);
    let own = findings.iter().filter(|finding| finding.code.id.starts_with(code));
    apply(text, &edits(text, own, &Settings::default(), most))
}

#[test]
fn comments_and_layout_stay() {
    let text = "\
# why
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  endpointSelector:
    matchLabels:
      k8s:io.kubernetes.pod.namespace: dev   # not ours
      debug: on # a switch
  ingres:   # from pods
  - fromEndpoints: [{}]
    toPorts:
    - ports: [ {port: '010', protocol: TCP} ]
";
    let expected = text
        .replace("namespace: dev ", "namespace: shop ")
        .replace("on # a", "\"on\" # a")
        .replace("ingres:", "ingress:");
    assert_eq!(fixed(text), expected);
    // The port could not be seen before the list had its name.
    assert_eq!(fixed(&fixed(text)), expected.replace("'010'", "\"8\""));
}

#[test]
fn what_changes_verdicts_is_left_alone() {
    let text = "\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
  - fromEndpoints: [{matchLabels: {kubernetes.io/metadata.name: x}}]
    toPorts: [{ports: [{port: '0x50', protocol: TCP}]}]
";
    assert_eq!(fixed(text), text);
}

/// A policy in lines, of a selector and rules.
fn policy(rules: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: p\n  namespace: shop\nspec:\n  endpointSelector: {{}}\n{rules}"
    )
}

const PODS: &str = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c, image: x, ports: [{containerPort: 8080}]}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: data, labels: {app: db}}\nspec: {containers: [{name: c, image: x}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n---\n";

/// What a code's fix makes of rules.
fn check(code: &str, most: Safety, before: &str, after: &str) {
    let text = format!("{PODS}{}", policy(before));
    let expected = format!("{PODS}{}", policy(after));
    assert_eq!(changed(&text, most, code), expected, "{code}");
    if most == Safety::Unsafe {
        assert_eq!(changed(&text, Safety::Safe, code), text, "{code} is not safe");
    }
    let left = findings(&expected, Whole::Part);
    let left = left.iter().filter(|f| f.code.id == code && f.fix.is_some());
    assert_eq!(left.count(), 0, "{code} is mended");
}

#[test]
fn a_field_that_is_indented_too_far_moves() {
    let before = "  egress:
  - toEndpoints:
    - matchLabels:
        app: web
      # only web
      toPorts: # ports
      - ports:
        - port: \"80\"
          protocol: TCP
";
    let after = before
        .replace("      toPorts: #", "    toPorts: #")
        .replace("      - ports", "    - ports")
        .replace("        - port:", "      - port:")
        .replace("          protocol", "        protocol");
    check("NP1003", Safety::Safe, before, &after);
    let in_labels =
        before.replace("      # only web\n", "").replace("      toPorts", "        toPorts");
    let in_labels = in_labels
        .replace("      - ports", "        - ports")
        .replace("        - port:", "          - port:")
        .replace("          protocol", "            protocol");
    check("NP1003", Safety::Safe, &in_labels, &after.replace("      # only web\n", ""));
}

#[test]
fn what_changes_verdicts_is_changed_on_demand() {
    let unsafe_fix = |code, before, after| check(code, Safety::Unsafe, before, after);
    unsafe_fix(
        "NP1005",
        "  ingress:\n  - toPorts:\n    - ports:\n      - port: \"90\" # x\n        endPort: 80\n",
        "  ingress:\n  - toPorts:\n    - ports:\n      - port: \"80\" # x\n        endPort: 90\n",
    );
    unsafe_fix(
        "NP2001",
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        app: webb # x\n",
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        app: web # x\n",
    );
    unsafe_fix(
        "NP2001",
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        k8s:appp: web # x\n",
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        k8s:app: web # x\n",
    );
    unsafe_fix(
        "NP2003",
        "  egress:\n  - toEndpoints:\n    - matchLabels:\n        app: db\n",
        "  egress:\n  - toEndpoints:\n    - matchLabels:\n        k8s:io.kubernetes.pod.namespace: data\n        app: db\n",
    );
    unsafe_fix(
        "NP2009",
        "  ingress:\n  - toPorts: [{ports: [{port: '80', protocol: TCP}]}]\n",
        "  ingress:\n  - toPorts: [{ports: [{port: \"8080\", protocol: TCP}]}]\n",
    );
    unsafe_fix(
        "NP2015",
        "  ingress:\n  - fromEndpoints:\n    - {}\n  - fromEndpoints: # web\n    - matchLabels: {app: web}\n  # end\n",
        "  ingress:\n  - fromEndpoints:\n    - {}\n  # end\n",
    );
    unsafe_fix(
        "NP2017",
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        reserved:host: ''\n    toPorts: []\n",
        "  ingress:\n  - fromEntities: [host]\n    toPorts: []\n",
    );
    let none = policy("");
    let isolates = none.replace("  endpoint", "  ingress: [{}]\n  endpoint");
    assert_eq!(changed(&none, Safety::Unsafe, "NP1004"), isolates);
    unsafe_fix(
        "NP4002",
        "  egress:\n  - toCIDRSet:\n    - cidr: 0.0.0.0/0\n",
        "  egress:\n  - toCIDRSet:\n    - except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.169.254/32]\n      cidr: 0.0.0.0/0\n",
    );
}

#[test]
fn rules_for_dns_are_put_in() {
    let dns = "  - toEndpoints:
    - matchLabels:
        k8s:io.kubernetes.pod.namespace: kube-system
        k8s-app: kube-dns
    toPorts:
    - ports:
      - port: \"53\"
        protocol: ANY
";
    let seen = format!("{dns}      rules:\n        dns:\n        - matchPattern: \"*\"\n");
    let web = "  - toEndpoints: [{}]\n";
    check(
        "NP3002",
        Safety::Unsafe,
        &format!("  egress:\n{web}"),
        &format!("  egress:\n{dns}{web}"),
    );
    // Both rules need it, and get it once.
    let names =
        "  - toFQDNs: [{matchName: a.example.com}]\n  - toFQDNs: [{matchName: b.example.com}]\n";
    check(
        "NP3001",
        Safety::Unsafe,
        &format!("  egress:\n{names}"),
        &format!("  egress:\n{seen}{names}"),
    );
    let some = seen.replace("matchPattern: \"*\"", "matchName: \"a.example.com\"");
    let both = some.replace(
        "        - matchName",
        "        - matchName: \"b.example.com\"\n        - matchName",
    );
    check(
        "NP3003",
        Safety::Unsafe,
        &format!("  egress:\n{some}{names}"),
        &format!("  egress:\n{both}{names}"),
    );
    let kubernetes = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Egress]}\n";
    let changed = changed(kubernetes, Safety::Unsafe, "NP3002");
    assert!(
        changed.contains("spec: {egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}], podSelector: {}, policyTypes: [Egress]}\n"),
        "{changed}"
    );
}

#[test]
fn what_people_must_choose_is_left_to_them() {
    let text = policy("  ingressDeny:\n  - {}\n");
    assert_eq!(changed(&text, Safety::Unsafe, "NP"), text);
    let found = findings(&text, Whole::Part);
    let shown = found.iter().filter_map(|finding| finding.fix.as_ref());
    assert!(shown.clone().count() >= 2 && shown.clone().all(|fix| fix.safety == Safety::Display));
    for fix in shown {
        let text = apply(&text, &fix.edits);
        assert!(crate::policy::text::parse("", &text).is_ok(), "{text}");
    }
}

#[test]
fn json_stays_json() {
    let text = r#"{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "p", "namespace": "shop"},
 "spec": {"endpointSelector": {}, "ingress": [{"toPorts": [{"ports": [{"port": "010", "protocol": "TCP"}]}]}], "egress": [{"toEndpoints": [{}]}]}}
"#;
    let changed = changed(text, Safety::Unsafe, "NP");
    assert_eq!(
        changed,
        text.replace("\"010\"", "\"8\""),
        "and the rule for DNS, which is YAML, is left out"
    );
}

#[test]
fn keys_that_are_booleans_are_quoted() {
    let text = policy(
        "  ingress:\n  - fromEndpoints:\n    - matchLabels:\n        on: web\n        'off': web\n        oN: x\n",
    );
    assert_eq!(fixed(&text), text.replace("  on:", "  \"on\":"));
}
