//! What `--fix` does to texts.

use super::findings;
use crate::policy::{
    lint::{Whole, apply, safe_edits},
    parse::Settings,
};

fn fixed(text: &str) -> String {
    let findings = findings(text, Whole::Part);
    let edits = safe_edits(text, findings.iter(), &Settings::default());
    apply(text, &edits)
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
