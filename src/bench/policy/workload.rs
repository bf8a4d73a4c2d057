//! Made-up clusters: namespaces with teams, applications in versions, and the policies that such
//! clusters have. The same numbers always make the same cluster.

use serde_json::Value;

use super::policies::{Maker, POLICIES};
use crate::model::{Identity, Labels};

/// Applications of a namespace.
pub(super) const APPS: usize = 10;
/// Namespaces of a team.
pub(super) const TEAM: usize = 5;
/// The first number of pods' identities.
const FIRST: u32 = 1000;

/// A cluster.
#[derive(Debug)]
pub(super) struct Workload {
    /// Policy objects.
    pub(super) policies: Vec<Value>,
    /// Identities of pods, by version of the application, then by namespace, then by application.
    pub(super) identities: Vec<(Identity, Labels)>,
}

impl Workload {
    /// Makes a cluster of this many policies and identities.
    pub(super) fn new(policies: usize, identities: usize) -> Self {
        let namespaces = policies.div_ceil(POLICIES);
        let mut maker = Maker::new(namespaces);
        let all = (0..namespaces).flat_map(|namespace| maker.policies(namespace));
        let all: Vec<Value> = all.take(policies).collect();
        let number = |n: usize| Identity(FIRST + u32::try_from(n).expect("few identities"));
        Self {
            policies: all,
            identities: (0..identities).map(|n| (number(n), labels(n, namespaces))).collect(),
        }
    }

    /// Returns an identity that the cluster has not, of a known application in a new version.
    pub(super) fn newcomer(&self, n: usize) -> (Identity, Labels) {
        let namespaces = self.policies.len().div_ceil(POLICIES);
        let number = self.identities.len() + n;
        (
            Identity(FIRST + u32::try_from(number).expect("few identities")),
            labels(number, namespaces),
        )
    }
}

/// Returns the name of an application.
pub(super) fn app(n: usize) -> String {
    format!("app-{n}")
}

/// Returns the name of a namespace.
pub(super) fn namespace(n: usize) -> String {
    format!("team-{}-{}", n / TEAM, n % TEAM)
}

/// Returns the environment of a namespace.
pub(super) fn environment(namespace: usize) -> &'static str {
    ["prod", "staging", "dev"][namespace % 3]
}

fn labels(n: usize, namespaces: usize) -> Labels {
    let (app_number, version) = (n % APPS, n / (APPS * namespaces));
    let own = n / APPS % namespaces;
    let of_namespace = "k8s:io.cilium.k8s.namespace.labels.";
    [
        ("k8s:app".to_owned(), app(app_number)),
        ("k8s:tier".to_owned(), ["front", "back", "data"][app_number % 3].to_owned()),
        ("k8s:version".to_owned(), format!("v{version}")),
        ("k8s:io.kubernetes.pod.namespace".to_owned(), namespace(own)),
        ("k8s:io.cilium.k8s.policy.cluster".to_owned(), "default".to_owned()),
        ("k8s:io.cilium.k8s.policy.serviceaccount".to_owned(), app(app_number)),
        (format!("{of_namespace}kubernetes.io/metadata.name"), namespace(own)),
        (format!("{of_namespace}team"), format!("team-{}", own / TEAM)),
        (format!("{of_namespace}env"), environment(own).to_owned()),
    ]
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Input, text::Document};

    #[test]
    fn every_policy_is_accepted_and_has_a_name_of_its_own() {
        let workload = Workload::new(200, 1000);
        let mut input = Input::default();
        for policy in &workload.policies {
            let text = |field: &str| policy[field].as_str().expect("a text");
            let document = Document::of_item(text("apiVersion"), text("kind"), policy.clone());
            input.add(&document).expect("no two of a name");
        }
        let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{problems:#?}");
        assert_eq!(input.policies().len(), 200);
    }

    #[test]
    fn every_identity_has_labels_of_its_own() {
        let workload = Workload::new(1000, 10_000);
        let mut labels: Vec<_> = workload.identities.iter().map(|(_, labels)| labels).collect();
        let newcomer = workload.newcomer(0).1;
        labels.push(&newcomer);
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), 10_001);
    }
}
