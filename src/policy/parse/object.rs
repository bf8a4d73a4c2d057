//! Objects: which kind, which name, which reader.

use std::sync::Arc;

use super::{
    cilium, closed, cluster_policy,
    cursor::{Cursor, Fields, Reading},
    network_policy,
    problem::{Problem, Severity},
};
use crate::policy::{
    rule::{Policy, PolicyKind, PolicyRef, Rule},
    text::{Document, Node},
};

/// Whose reading of the cases where Cilium deviates from the text of the Kubernetes API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compat {
    /// The text of the API.
    #[default]
    Kubernetes,
    /// Cilium's.
    Cilium,
}

/// What the meaning of policies depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of this cluster.
    pub cluster: String,
    /// Whose reading.
    pub compat: Compat,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cluster: "default".to_owned(), compat: Compat::default() }
    }
}

/// A policy object that was read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Which one.
    pub reference: Arc<PolicyRef>,
    /// Its policy, unless it is rejected.
    pub policy: Option<Arc<Policy>>,
    /// What counts if it is rejected and no earlier version was accepted: it isolates whom the policy
    /// selects. `None` if it is not rejected, or nobody can tell.
    pub closed: Option<Arc<Policy>>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// What readers of the kinds need to know of an object.
pub(super) struct Object<'a> {
    pub(super) reference: Arc<PolicyRef>,
    pub(super) fields: Fields<'a>,
    pub(super) settings: &'a Settings,
}

/// Set to `"true"`, what a policy denies is only told, not denied.
const AUDIT: &str = "policy.skep.io/audit";

const VERSIONS: [(PolicyKind, &[&str]); 6] = [
    (PolicyKind::NetworkPolicy, &["networking.k8s.io/v1"]),
    (PolicyKind::CiliumNetworkPolicy, &["cilium.io/v2"]),
    (PolicyKind::CiliumClusterwideNetworkPolicy, &["cilium.io/v2"]),
    (PolicyKind::ClusterNetworkPolicy, &["policy.networking.k8s.io/v1alpha2"]),
    (PolicyKind::AdminNetworkPolicy, &["policy.networking.k8s.io/v1alpha1"]),
    (PolicyKind::BaselineAdminNetworkPolicy, &["policy.networking.k8s.io/v1alpha1"]),
];

/// Reads a document if it is a policy; `None` if it is something else.
pub fn parse(document: &Document, settings: &Settings) -> Option<Parsed> {
    let root = &document.root;
    let (kind, version) = (root.get("kind")?.text()?, root.get("apiVersion")?.text()?);
    let is_ours = |(own, _): &&(PolicyKind, &[&str])| {
        own.name() == kind && version.split_once('/').is_some_and(|(group, _)| group == own.group())
    };
    let (kind, versions) = VERSIONS.iter().find(is_ours)?;
    let reading = Reading::new(Arc::clone(&document.file));
    let cursor = Cursor::root(root, &reading);
    let fields = cursor.fields(&["apiVersion", "kind", "metadata", "spec", "specs", "status"])?;
    if !versions.contains(&version) {
        fields.get("apiVersion")?.refuse(format!(
            "{} is read in version {}, not {version}",
            kind.name(),
            versions.join(" or ")
        ));
    }
    let (reference, audit) = metadata(*kind, document, &fields);
    let object = Object { reference: Arc::clone(&reference), fields: fields.clone(), settings };
    let rules = read_rules(*kind, &object);
    drop((fields, object, cursor));
    let problems = reading.finish();
    let rejected = problems.iter().any(|problem| problem.code.severity() == Severity::Error);
    if rejected {
        let closed = closed::close(document, settings, (Arc::clone(&reference), audit));
        return Some(Parsed { reference, policy: None, closed, problems });
    }
    let policy = Arc::new(Policy { reference: Arc::clone(&reference), rules, audit });
    Some(Parsed { reference, policy: Some(policy), closed: None, problems })
}

/// Returns the specs of a policy object with their paths: most have one, those of Cilium may have several.
pub(in crate::policy) fn specs(root: &Node) -> impl Iterator<Item = (String, &Node)> {
    let one = root.get("spec").map(|node| ("spec".to_owned(), node));
    let several = root.get("specs").map(Node::items).unwrap_or_default().iter().enumerate();
    one.into_iter().chain(several.map(|(n, node)| (format!("specs[{n}]"), node)))
}

fn read_rules(kind: PolicyKind, object: &Object<'_>) -> Vec<Rule> {
    match kind {
        PolicyKind::NetworkPolicy => network_policy::read(object),
        PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy => {
            cilium::read(object)
        }
        PolicyKind::ClusterNetworkPolicy
        | PolicyKind::AdminNetworkPolicy
        | PolicyKind::BaselineAdminNetworkPolicy => cluster_policy::read(object),
    }
}

fn metadata(kind: PolicyKind, document: &Document, fields: &Fields<'_>) -> (Arc<PolicyRef>, bool) {
    let metadata = fields.get("metadata").and_then(|cursor| cursor.any_fields());
    let name = metadata.as_ref().and_then(|m| m.text("name")).unwrap_or_default();
    if name.is_empty() {
        fields.cursor.refuse("metadata.name must be given");
    }
    let namespace = kind.is_namespaced().then(|| {
        let given = metadata.as_ref().and_then(|m| m.text("namespace"));
        given.filter(|namespace| !namespace.is_empty()).unwrap_or("default").to_owned()
    });
    let audit = document
        .root
        .at(&["metadata", "annotations", AUDIT])
        .is_some_and(|value| value.text() == Some("true"));
    let reference = PolicyRef {
        kind,
        namespace,
        name: name.to_owned(),
        file: Arc::clone(&document.file),
        at: document.root.span.start,
    };
    (Arc::new(reference), audit)
}
