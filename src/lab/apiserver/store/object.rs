//! One version of one object, serialised once.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeSeed;
use serde_json::Value;

use super::collection::Key;
use super::skim::{Part, Without};
use crate::lab::apiserver::fields;
use crate::lab::apiserver::resource::Resource;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum EventKind {
    Added,
    Modified,
    Deleted,
}

impl EventKind {
    pub(in crate::lab::apiserver) fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One version of an object, immutable.
#[derive(Debug)]
pub(in crate::lab::apiserver) struct Object {
    pub(in crate::lab::apiserver) key: Key,
    pub(in crate::lab::apiserver) uid: Box<str>,
    pub(in crate::lab::apiserver) revision: u64,
    pub(in crate::lab::apiserver) labels: Box<[(Box<str>, Box<str>)]>,
    /// Selectable fields besides name and namespace.
    pub(in crate::lab::apiserver) fields: Box<[(Box<str>, Box<str>)]>,
    /// Uids of the owners.
    pub(in crate::lab::apiserver) owners: Box<[Box<str>]>,
    /// The event it came with, as a line of a watch.
    line: Bytes,
    kind: EventKind,
    json: Range<usize>,
    /// Where kind and apiVersion end in `line`.
    body: usize,
}

/// An event of the history.
#[derive(Debug, Clone)]
pub(in crate::lab::apiserver) struct Event {
    pub(in crate::lab::apiserver) kind: EventKind,
    pub(in crate::lab::apiserver) object: Arc<Object>,
    pub(in crate::lab::apiserver) previous: Option<Arc<Object>>,
}

impl Object {
    /// Serialises a version. Kind and apiVersion are those of the resource, whatever `value` says.
    pub(super) fn freeze(
        resource: &Resource,
        key: Key,
        mut value: Value,
        revision: u64,
        kind: EventKind,
    ) -> Self {
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        let mut line = format!("{{\"type\":\"{}\",\"object\":", kind.word()).into_bytes();
        let start = line.len();
        line.extend_from_slice(head(&resource.kind, &resource.api_version()).as_bytes());
        let body = line.len();
        if let Value::Object(members) = &value {
            for (name, member) in members {
                if name == "kind" || name == "apiVersion" {
                    continue;
                }
                line.push(b',');
                serde_json::to_writer(&mut line, name).expect("a string serialises");
                line.push(b':');
                serde_json::to_writer(&mut line, member).expect("a JSON value serialises");
            }
        }
        line.push(b'}');
        let json = start..line.len();
        line.extend_from_slice(b"}\n");
        line.shrink_to_fit();
        let metadata = &value["metadata"];
        Self {
            key,
            uid: metadata["uid"].as_str().unwrap_or_default().into(),
            revision,
            labels: pairs(&metadata["labels"]),
            fields: fields::selectable(resource, &value),
            owners: metadata["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|owner| owner["uid"].as_str())
                .map(Into::into)
                .collect(),
            line: line.into(),
            kind,
            json,
            body,
        }
    }

    /// Returns the object as JSON, with kind and apiVersion of the stored version.
    pub(in crate::lab::apiserver) fn json(&self) -> Bytes {
        self.line.slice(self.json.clone())
    }

    /// Parses the object.
    pub(in crate::lab::apiserver) fn value(&self) -> Value {
        serde_json::from_slice(&self.line[self.json.clone()]).expect("the store wrote this")
    }

    /// Parses the object without what these paths lead to.
    pub(in crate::lab::apiserver) fn without(&self, paths: &[Part]) -> Value {
        let mut input = serde_json::Deserializer::from_slice(&self.line[self.json.clone()]);
        Without(paths).deserialize(&mut input).unwrap_or_else(|_| self.value())
    }

    /// Returns the members after kind and apiVersion: `,"metadata":...}`.
    pub(in crate::lab::apiserver) fn members(&self) -> Bytes {
        self.line.slice(self.body..self.json.end)
    }

    /// Returns a watch line for this version; the shared one if the event is the one the object came with.
    pub(in crate::lab::apiserver) fn line(&self, kind: EventKind) -> Bytes {
        if kind == self.kind {
            return self.line.clone();
        }
        let mut line = Vec::with_capacity(self.line.len() + 8);
        line.extend_from_slice(b"{\"type\":\"");
        line.extend_from_slice(kind.word().as_bytes());
        line.extend_from_slice(b"\",\"object\":");
        line.extend_from_slice(&self.line[self.json.clone()]);
        line.extend_from_slice(b"}\n");
        line.into()
    }

    pub(super) fn size(&self) -> usize {
        self.line.len()
    }
}

/// Returns the start of a serialised object: `{"kind":...,"apiVersion":...`.
pub(in crate::lab::apiserver) fn head(kind: &str, api_version: &str) -> String {
    format!("{{\"kind\":{},\"apiVersion\":{}", Value::from(kind), Value::from(api_version))
}

fn pairs(map: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let Some(map) = map.as_object() else { return Box::default() };
    map.iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().unwrap_or_default().into()))
        .collect()
}
