//! Field masks: which parts of a flow a reader wants.
//!
//! Paths are compiled once, against the descriptor, to a tree of field numbers. A flow is pruned as bytes:
//! what the tree lacks is skipped without being understood, so a new field needs no code here.

use std::collections::BTreeMap;

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};

use crate::hubble::{
    flow::Flow,
    schema::{self, Kind},
    wire::{self, Raw},
};

/// The message that masks are about.
const FLOW: &str = ".flow.Flow";

/// A path of a field mask that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field_mask: {path:?} is not a path of a flow: {part:?} {problem}")]
pub struct InvalidMask {
    path: String,
    part: String,
    problem: &'static str,
}

/// The fields that stay: by number, whole or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(BTreeMap<u32, Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Only(Mask),
}

impl Mask {
    /// Compiles paths such as `source.pod_name`.
    ///
    /// # Errors
    /// When a path names nothing.
    pub fn compile(paths: &[String]) -> Result<Self, InvalidMask> {
        let mut mask = Self::default();
        for path in paths {
            let parts: Vec<&str> = path.split('.').collect();
            mask.add(FLOW, &parts).map_err(|(part, problem)| InvalidMask {
                path: path.clone(),
                part: part.to_owned(),
                problem,
            })?;
        }
        Ok(mask)
    }

    fn add<'a>(&mut self, message: &str, parts: &[&'a str]) -> Result<(), (&'a str, &'static str)> {
        let Some((name, rest)) = parts.split_first() else { return Ok(()) };
        let field = schema::message(message).and_then(|message| message.field(name));
        let field = field.ok_or((*name, "is not a field"))?;
        let number = field.number;
        if rest.is_empty() {
            self.0.insert(number, Part::Whole);
            return Ok(());
        }
        if field.repeated {
            return Err((name, "is a list, which is sent whole or not at all"));
        }
        let inner = match &field.kind {
            Kind::Message(name) => name,
            _ => "",
        };
        match self.0.entry(number).or_insert_with(|| Part::Only(Self::default())) {
            // The path is checked even if it adds nothing.
            Part::Whole => Self::default().add(inner, rest),
            Part::Only(mask) => mask.add(inner, rest),
        }
    }

    /// Returns the flow without what the mask lacks.
    pub fn prune(&self, flow: &Flow) -> Flow {
        let mut kept = Vec::new();
        self.copy(&flow.encode_to_vec(), &mut kept);
        // What was just encoded can be read.
        Flow::decode(kept.as_slice()).unwrap_or_default()
    }

    /// Copies the fields that stay from one message to another.
    fn copy(&self, from: &[u8], to: &mut Vec<u8>) {
        for field in wire::parts(from) {
            match (self.0.get(&field.number), field.value) {
                (Some(Part::Whole), _) => to.extend_from_slice(field.whole),
                (Some(Part::Only(inner)), Raw::Bytes(body)) => {
                    let mut part = Vec::new();
                    inner.copy(body, &mut part);
                    encode_key(field.number, WireType::LengthDelimited, to);
                    encode_varint(part.len() as u64, to);
                    to.append(&mut part);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};
    use serde_json::{Map, Value, json};

    use super::Mask;
    use crate::hubble::flow::Flow;

    /// Valid paths, whole messages and parts of them, and what the flow lacks.
    const PATHS: [&str; 22] = [
        "time",
        "verdict",
        "IP",
        "IP.source",
        "IP.ipVersion",
        "l4",
        "l4.TCP",
        "l4.TCP.flags.SYN",
        "l4.UDP",
        "source",
        "source.identity",
        "source.pod_name",
        "source.labels",
        "destination",
        "destination.namespace",
        "Type",
        "event_type",
        "is_reply",
        "egress_allowed_by",
        "interface.name",
        "Summary",
        "ip_trace_id.trace_id",
    ];

    fn flow() -> Value {
        json!({
            "time": "2026-11-24T12:00:00.500000000Z",
            "verdict": "FORWARDED",
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 1, "flags": {"SYN": true, "ACK": true}}},
            "source": {"identity": 1001, "labels": ["a", "b"], "pod_name": "x"},
            "destination": {},
            "Type": "L3_L4",
            "event_type": {"type": 4},
            "is_reply": false,
            "egress_allowed_by": [{"name": "p", "kind": "NetworkPolicy"}],
            "ip_trace_id": {"trace_id": "5", "ip_option_type": 1},
            "Summary": "TCP",
        })
    }

    /// Keeps what a path names, one member at a time.
    fn keep(from: &Value, to: &mut Map<String, Value>, path: &[&str]) {
        let [name, rest @ ..] = path else { return };
        let Some(value) = from.get(name) else { return };
        if rest.is_empty() {
            to.insert((*name).to_owned(), value.clone());
            return;
        }
        let inner = to.entry(*name).or_insert_with(|| json!({}));
        keep(value, inner.as_object_mut().unwrap(), rest);
    }

    proptest! {
        #[test]
        fn pruning_is_keeping_each_path(paths in subsequence(&PATHS[..], 1..PATHS.len())) {
            let whole: Flow = serde_json::from_value(flow()).unwrap();
            let mut expected = Map::new();
            for path in &paths {
                keep(&flow(), &mut expected, &path.split('.').collect::<Vec<_>>());
            }
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            let pruned = Mask::compile(&paths).unwrap().prune(&whole);
            prop_assert_eq!(serde_json::to_value(pruned).unwrap(), Value::Object(expected));
        }
    }

    #[test]
    fn paths_that_name_nothing_are_refused() {
        for (path, problem) in [
            ("", "\"\" is not a field"),
            ("verdict.x", "\"x\" is not a field"),
            ("source.planet", "\"planet\" is not a field"),
            ("source.", "\"\" is not a field"),
            ("Source", "\"Source\" is not a field"),
            ("source.workloads.name", "is a list"),
        ] {
            let error = Mask::compile(&[path.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(problem), "{path}: {error}");
        }
    }
}
