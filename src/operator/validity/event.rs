//! The Event about a policy that cannot be accepted.

use k8s_openapi::api::core::v1::{Event, ObjectReference};

use super::{
    condition::INVALID,
    object::{Judged, Key},
};
use crate::kubernetes::warning;

/// Who says it.
const COMPONENT: &str = "skep-operator";

/// Returns the Event. Its name follows from what it says of which version: whoever finds it there need
/// not say it again.
pub(super) fn event((kind, namespace, name): &Key, judged: &Judged, why: &str) -> Event {
    let (version, _) = kind.resource();
    let object = ObjectReference {
        api_version: Some(format!("{}/{version}", kind.group())),
        kind: Some(kind.name().to_owned()),
        namespace: Some(namespace.clone()).filter(|namespace| !namespace.is_empty()),
        name: Some(name.clone()),
        uid: Some(judged.uid.clone()),
        resource_version: Some(judged.version.clone()),
        ..ObjectReference::default()
    };
    warning(object, COMPONENT, INVALID, why, &[&judged.generation.to_string(), why])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{operator::validity::condition::Finding, policy::rule::PolicyKind};

    #[test]
    fn one_version_has_one_event_and_the_next_another() {
        let of = |generation, why: &str| {
            let judged = Judged {
                uid: "u".into(),
                version: "7".into(),
                generation,
                conditions: Vec::new(),
                finding: Finding::Invalid(why.to_owned()),
            };
            let key = (PolicyKind::ClusterNetworkPolicy, String::new(), "p".to_owned());
            event(&key, &judged, why)
        };
        let name = |event: &Event| event.metadata.name.clone();
        let first = of(1, "spec: wrong");
        assert_eq!(first.metadata.namespace.as_deref(), Some("default"));
        assert_eq!(name(&first), name(&of(1, "spec: wrong")));
        assert_ne!(name(&first), name(&of(2, "spec: wrong")));
        assert_ne!(name(&first), name(&of(1, "spec: worse")));
    }
}
