//! Pods and their owners.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Pod, PodTemplateSpec},
    apimachinery::pkg::{
        apis::meta::v1::{ObjectMeta, OwnerReference},
        util::intstr::IntOrString,
    },
};
use kube::{Resource, ResourceExt};
use rand::RngExt;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Letters that spell no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns the uid of the object that controls this one.
pub(super) fn controller_of<K: ResourceExt>(object: &K) -> Option<&str> {
    let owners = object.meta().owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

/// Returns a reference to the controller `owner`.
pub(super) fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        name: owner.name_any(),
        uid: owner.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Returns metadata of a new object that `owner` controls.
pub(super) fn owned_meta<K: Resource<DynamicType = ()>>(owner: &K, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: owner.namespace(),
        owner_references: Some(vec![owner_reference(owner)]),
        ..ObjectMeta::default()
    }
}

/// Makes a pod of a template.
pub(super) fn pod_of<K: Resource<DynamicType = ()>>(
    owner: &K,
    template: &PodTemplateSpec,
    name: String,
) -> Pod {
    let from = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            labels: from.labels,
            annotations: from.annotations,
            ..owned_meta(owner, name)
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// Returns `base` with a random ending, as the API server makes for `generateName`.
pub(super) fn random_name(base: &str) -> String {
    let mut rng = rand::rng();
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    let suffix: String = (0..5).map(letter).collect();
    // Names of pods become host names, and those have 63 characters.
    let base: String = base.chars().take(57).collect();
    format!("{base}-{suffix}")
}

/// Returns a short text that changes when `value` does, in the letters of random names.
pub(super) fn hash_of<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_vec(value).expect("a Kubernetes object serialises");
    let digest = Sha256::digest(&text);
    digest
        .iter()
        .take(10)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// Tells whether a pod has neither ended nor been asked to.
pub(super) fn is_active(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && !has_ended(pod)
}

/// Tells whether a pod's containers have ended for good.
pub(super) fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Returns a pod's phase.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// Tells whether a pod has the condition Ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Tells whether a pod has been ready for `seconds`.
pub(super) fn is_available(pod: &Pod, seconds: Option<i32>, now: Timestamp) -> bool {
    let seconds = i64::from(seconds.unwrap_or(0));
    if seconds <= 0 {
        return is_ready(pod);
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|condition| {
        let since = condition.last_transition_time.as_ref().map(|time| time.0.as_second());
        condition.type_ == "Ready"
            && condition.status == "True"
            && since.is_some_and(|since| since + seconds <= now.as_second())
    })
}

/// Writes a time as Kubernetes does.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A number, or a part of `whole`; Kubernetes rounds surges up and gaps down.
pub(super) fn share(value: Option<&IntOrString>, whole: i32, round: fn(f64) -> f64) -> i32 {
    let percent = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap_or(25.0);
    let part = match value {
        Some(IntOrString::Int(number)) => return (*number).max(0),
        Some(IntOrString::String(text)) => percent(text),
        None => 25.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a share of an i32 fits an i32")]
    let share = round(f64::from(whole) * part / 100.0) as i32;
    share.max(0)
}

/// Counts pods as an `i32`, as statuses do.
pub(super) fn count<'a, P: 'a>(
    pods: impl IntoIterator<Item = &'a P>,
    which: impl Fn(&&'a P) -> bool,
) -> i32 {
    i32::try_from(pods.into_iter().filter(which).count()).unwrap_or(i32::MAX)
}

/// Returns labels with one more.
pub(super) fn with_label(
    labels: Option<BTreeMap<String, String>>,
    key: &str,
    value: &str,
) -> Option<BTreeMap<String, String>> {
    let mut labels = labels.unwrap_or_default();
    labels.insert(key.to_owned(), value.to_owned());
    Some(labels)
}
