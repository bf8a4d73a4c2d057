//! A policy object, and what is to be said of it.

use std::sync::LazyLock;

use kube::{ResourceExt, api::DynamicObject};
use serde_json::Value;

use super::condition::{Condition, Finding};
use crate::{
    kubernetes::{Malformed, Watched, written},
    policy::{
        parse::{Settings, Severity, parse},
        rule::PolicyKind,
        text::Document,
    },
};

/// Whether an object can be accepted does not depend on where it is read.
static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);

/// Longest message; the API server takes more, people do not.
const LONGEST: usize = 1024;

/// Which object: kind, namespace or nothing, name.
pub(super) type Key = (PolicyKind, String, String);

/// An object as the watch told it.
#[derive(Debug)]
pub(super) struct PolicyObject {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) generation: i64,
    /// The conditions that it has.
    pub(super) conditions: Vec<Value>,
    json: Value,
}

impl Watched for PolicyObject {
    type Object = DynamicObject;
    const NOUN: &'static str = "policies";

    fn from_object(object: &DynamicObject) -> Result<Self, Malformed> {
        let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
        Ok(Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            version: object.resource_version().unwrap_or_default(),
            generation: object.metadata.generation.unwrap_or_default(),
            conditions: conditions.cloned().unwrap_or_default(),
            json: written(object, &["spec", "specs"]),
        })
    }

    fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// An object that was judged.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) generation: i64,
    pub(super) conditions: Vec<Value>,
    pub(super) finding: Finding,
}

impl Judged {
    /// Finds out whether an object can be accepted.
    pub(super) fn of(kind: PolicyKind, object: PolicyObject) -> (Key, Self) {
        let (version, _) = kind.resource();
        let api_version = format!("{}/{version}", kind.group());
        let document = Document::of_item(&api_version, kind.name(), object.json);
        let problems = parse(&document, &SETTINGS)
            .filter(|parsed| parsed.policy.is_none())
            .map(|parsed| parsed.problems);
        let finding = match problems {
            None => Finding::Valid,
            Some(problems) => {
                let errors = problems.iter().filter(|p| p.code.severity() == Severity::Error);
                let all: Vec<String> = errors.map(ToString::to_string).collect();
                Finding::Invalid(shortened(all.join("; ")))
            }
        };
        let judged = Self {
            uid: object.uid,
            version: object.version,
            generation: object.generation,
            conditions: object.conditions,
            finding,
        };
        ((kind, object.namespace, object.name), judged)
    }

    /// Returns the condition `Valid` that the object has.
    pub(super) fn condition(&self) -> Option<Condition> {
        self.conditions.iter().find_map(Condition::read)
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST - 4));
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(spec: Value) -> Judged {
        let object = json!({
            "metadata": { "name": "p", "namespace": "shop", "resourceVersion": "7" }, "spec": spec,
        });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let object = PolicyObject::from_object(&object).unwrap();
        let (key, judged) = Judged::of(PolicyKind::CiliumNetworkPolicy, object);
        assert_eq!(key.1, "shop");
        judged
    }

    #[test]
    fn what_is_wrong_is_told_with_its_field() {
        let good = judged(json!({ "endpointSelector": {}, "ingress": [{}] }));
        assert_eq!(good.finding, Finding::Valid);
        let bad = json!({ "endpointSelector": {}, "ingress": [{ "fromCIDR": ["10.0.0.0/99"] }] });
        let Finding::Invalid(message) = judged(bad).finding else { panic!("it is invalid") };
        assert!(message.starts_with("spec.ingress[0].fromCIDR[0]: "), "{message}");
    }

    #[test]
    fn messages_end_somewhere() {
        let many = vec![json!({ "fromCIDR": ["\u{fc}\u{fc}/99"] }); 500];
        let Finding::Invalid(message) =
            judged(json!({ "endpointSelector": {}, "ingress": many })).finding
        else {
            panic!("it is invalid")
        };
        assert!(message.len() <= LONGEST && message.ends_with(" ..."), "{}", message.len());
    }
}
