//! Events about objects.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::api::ObjectMeta;
use sha2::{Digest, Sha256};

/// Where Events about objects of the cluster are.
const NAMESPACE: &str = "default";

/// Returns a Warning that `component` says about `object`. Its name follows from the object and `parts`:
/// whoever finds it there need not say it again.
pub fn warning(
    object: ObjectReference,
    component: &str,
    reason: &str,
    message: &str,
    parts: &[&str],
) -> Event {
    let mut hash = Sha256::new();
    for part in [object.uid.as_deref().unwrap_or_default()].iter().chain(parts) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    let id: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    // A name has 253 characters at most, and so has the object's.
    let stem: String = object.name.iter().flat_map(|name| name.chars()).take(230).collect();
    let now = Time(Timestamp::now());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{id}", stem.trim_end_matches(['.', '-']))),
            namespace: Some(object.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned())),
            ..ObjectMeta::default()
        },
        involved_object: object,
        type_: Some("Warning".to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        source: Some(EventSource { component: Some(component.to_owned()), host: None }),
        reporting_component: Some(component.to_owned()),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        ..Event::default()
    }
}
