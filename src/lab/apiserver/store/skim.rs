//! Parsing an object without what its reader does not need.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Leads to a part of an object, by names of members; `*` stands for every item of a list.
pub(in crate::lab::apiserver) type Part = &'static [&'static str];

/// A JSON value without what these paths lead to, which is skipped instead of being built and thrown away. Items of
/// lists are skipped to null, so that they can still be counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::apiserver) struct Without<'a>(pub(in crate::lab::apiserver) &'a [Part]);

/// What becomes of a member or of the items of a list.
enum Fate {
    Whole,
    Skipped,
    Without(Vec<Part>),
}

impl Without<'_> {
    fn fate(self, name: &str) -> Fate {
        let rests = self.0.iter().filter_map(|path| path.split_first());
        let inside: Vec<Part> =
            rests.filter(|(first, _)| **first == name).map(|(_, rest)| rest).collect();
        match inside.as_slice() {
            [] => Fate::Whole,
            paths if paths.iter().any(|path| path.is_empty()) => Fate::Skipped,
            _ => Fate::Without(inside),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Without<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Without<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = input.next_key::<String>()? {
            let value = match self.fate(&name) {
                Fate::Whole => input.next_value()?,
                Fate::Skipped => {
                    input.next_value::<IgnoredAny>()?;
                    continue;
                }
                Fate::Without(paths) => input.next_value_seed(Without(&paths))?,
            };
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        match self.fate("*") {
            Fate::Whole => {
                while let Some(item) = input.next_element()? {
                    items.push(item);
                }
            }
            Fate::Skipped => {
                while input.next_element::<IgnoredAny>()?.is_some() {
                    items.push(Value::Null);
                }
            }
            Fate::Without(paths) => {
                while let Some(item) = input.next_element_seed(Without(&paths))? {
                    items.push(item);
                }
            }
        }
        Ok(Value::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Deserializer, json};

    use super::*;

    #[test]
    fn only_what_paths_lead_to_is_left_out() {
        let (a, b) = (json!({"b": [1], "c": {"b": 2}}), json!([{"x": 1, "y": 2}, {"x": 3}]));
        let whole = json!({"a": a, "b": b, "n": null});
        for (paths, left) in [
            (&[&["a", "b"] as Part] as &[Part], json!({"a": {"c": {"b": 2}}, "b": b, "n": null})),
            (&[&["a"]], json!({"b": b, "n": null})),
            (&[&["a", "b"], &["a", "c", "b"]], json!({"a": {"c": {}}, "b": b, "n": null})),
            (&[&["b", "*"]], json!({"a": a, "b": [null, null], "n": null})),
            (&[&["b", "*", "x"]], json!({"a": a, "b": [{"y": 2}, {}], "n": null})),
            (&[&["x"], &["n", "*", "x"], &["n", "x"]], whole.clone()),
        ] {
            let text = whole.to_string();
            let parsed = Without(paths).deserialize(&mut Deserializer::from_str(&text)).unwrap();
            assert_eq!(parsed, left, "{paths:?}");
        }
    }
}
