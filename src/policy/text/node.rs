//! Nodes with their places.

use std::sync::Arc;

use serde_json::Value as Json;

/// A place in a text, from 1; line 0 = nowhere (the node did not come from a text).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// From where to where a node goes; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Its first character.
    pub start: Mark,
    /// The character after its last one.
    pub end: Mark,
}

/// One YAML document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Name of the file, or `-`; empty for objects that come from a cluster.
    pub file: Arc<str>,
    /// Its content.
    pub root: Node,
}

impl Document {
    /// Takes an item of a list of the Kubernetes API: it does not say itself what it is.
    pub fn of_item(api_version: &str, kind: &str, mut json: Json) -> Self {
        json["apiVersion"] = api_version.into();
        json["kind"] = kind.into();
        Self { file: Arc::from(""), root: Node::from(&json) }
    }
}

/// A value and its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is.
    pub span: Span,
}

/// A key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

/// A value as Kubernetes reads YAML.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map; keys are unique and in the order of the text.
    Map(Vec<Entry>),
}

impl Value {
    /// Returns what the value is, with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// Returns the value of a key, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        let found = entries.iter().find(|entry| entry.key == key)?;
        (found.node.value != Value::Null).then_some(&found.node)
    }

    /// Returns the value behind a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Returns the text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items; of anything but a list, none.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the entries; of anything but a map, none.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }
}

impl From<&Json> for Node {
    /// Takes an object of the Kubernetes API; it stands nowhere.
    fn from(json: &Json) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(is) => Value::Bool(*is),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from).collect()),
            Json::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        node: Self::from(value),
                    })
                    .collect(),
            ),
        };
        Self { value, span: Span::default() }
    }
}
