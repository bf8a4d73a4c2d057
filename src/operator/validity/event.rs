//! The Event about a policy that cannot be accepted.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::api::ObjectMeta;
use sha2::{Digest, Sha256};

use super::{
    condition::INVALID,
    object::{Judged, Key},
};

/// Who says it.
const COMPONENT: &str = "skep-operator";
/// Where Events about objects of the cluster are.
const NAMESPACE: &str = "default";

/// Returns the Event. Its name follows from what it says of which version: whoever finds it there need
/// not say it again.
pub(super) fn event((kind, namespace, name): &Key, judged: &Judged, why: &str) -> Event {
    let mut hash = Sha256::new();
    for part in [&*judged.uid, &judged.generation.to_string(), why] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    let id: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (version, _) = kind.resource();
    let own = Some(namespace.clone()).filter(|namespace| !namespace.is_empty());
    let now = Time(Timestamp::now());
    // A name has 253 characters at most, and so has the policy's.
    let stem: String = name.chars().take(230).collect();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{id}", stem.trim_end_matches(['.', '-']))),
            namespace: Some(own.clone().unwrap_or_else(|| NAMESPACE.to_owned())),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(format!("{}/{version}", kind.group())),
            kind: Some(kind.name().to_owned()),
            namespace: own,
            name: Some(name.clone()),
            uid: Some(judged.uid.clone()),
            resource_version: Some(judged.version.clone()),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(INVALID.to_owned()),
        message: Some(why.to_owned()),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        reporting_component: Some(COMPONENT.to_owned()),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        ..Event::default()
    }
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
