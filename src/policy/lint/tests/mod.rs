//! Each code on something that has it, and on something close that has not.

mod cases;
mod fixes;
mod order;
mod samples;

use super::{Corpus, Finding, Selection, Whole, lint};
use crate::policy::{parse::Settings, text};

/// Lints a text with every code.
fn findings(text: &str, whole: Whole) -> Vec<Finding> {
    let mut corpus = Corpus::new(Settings::default(), whole);
    for document in text::parse("test.yaml", text).expect("it is YAML") {
        corpus.add(document);
    }
    lint(&corpus, &Selection { select: vec!["ALL".into()], ignore: vec![] })
}

fn ids(text: &str, whole: Whole) -> Vec<&'static str> {
    findings(text, whole).into_iter().map(|finding| finding.code.id).collect()
}

/// A `CiliumNetworkPolicy` of a spec in one line.
fn cnp(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n"
    )
}

fn ccnp(name: &str, spec: &str) -> String {
    cnp(name, spec)
        .replace("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
        .replace(", namespace: shop", "")
}

fn knp(name: &str, spec: &str) -> String {
    cnp(name, spec)
        .replace("cilium.io/v2", "networking.k8s.io/v1")
        .replace("CiliumNetworkPolicy", "NetworkPolicy")
}

/// A pod of namespace shop with a label `app`.
fn pod(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: x{more}}}]}}\n"
    )
}
