//! Protobuf bodies, as kubectl 1.32 and newer send them for `create` and `auth`.

mod messages;
mod wire;

use serde_json::{Map, Value};

use messages::{Field, Kind, fields};
use wire::{Reader, Wire, WireError};

/// The first bytes of every Kubernetes protobuf body.
const MAGIC: &[u8] = b"k8s\0";

/// Messages inside messages.
const DEPTH: usize = 32;

/// Why a protobuf body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("the body does not start with the Kubernetes envelope")]
    NoEnvelope,
    #[error("the body is malformed")]
    Malformed(#[source] WireError),
    #[error("text is not UTF-8")]
    NotText,
    #[error("messages are nested too deeply")]
    TooDeep,
    #[error(
        "this lab reads no protobuf of kind {0:?}; use `kubectl create -f` or `kubectl apply -f`, which send JSON"
    )]
    UnknownKind(String),
}

impl From<WireError> for DecodeError {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

/// Decodes an object from its envelope: TypeMeta and the raw bytes of the object.
pub(super) fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(DecodeError::NoEnvelope)?;
    let (mut types, mut raw) = (&[][..], &[][..]);
    let mut reader = Reader::new(envelope);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => types = bytes,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (mut api_version, mut kind) = (String::new(), String::new());
    let mut reader = Reader::new(types);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
            (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
            _ => {}
        }
    }
    let fields = fields(&kind).ok_or_else(|| DecodeError::UnknownKind(kind.clone()))?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.into());
    object.insert("apiVersion".to_owned(), api_version.into());
    object.extend(message(fields, raw, 0)?);
    Ok(Value::Object(object))
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::NotText)
}

fn message(
    fields: &[Field],
    bytes: &[u8],
    depth: usize,
) -> Result<Map<String, Value>, DecodeError> {
    if depth > DEPTH {
        return Err(DecodeError::TooDeep);
    }
    let mut out = Map::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        let Some((_, name, kind)) = fields.iter().find(|(n, ..)| *n == number) else { continue };
        match kind {
            Kind::List(kind) => {
                // An empty text is an item: the core API group, for one.
                let empty = (**kind == Kind::Text).then(|| Value::from(""));
                if let Some(item) = value(kind, wire, depth)?.or(empty) {
                    let list = out.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
                    list.as_array_mut().expect("made as a list").push(item);
                }
            }
            Kind::Map(kind) => {
                let Wire::Bytes(entry) = wire else { continue };
                let (key, item) = entry_of(kind, entry, depth)?;
                let map = out.entry(*name).or_insert_with(|| Value::Object(Map::new()));
                map[key] = item;
            }
            kind => match value(kind, wire, depth)? {
                // A message without a name is part of the one around it.
                Some(Value::Object(members)) if name.is_empty() => out.extend(members),
                Some(item) => {
                    out.insert((*name).to_owned(), item);
                }
                None => {}
            },
        }
    }
    Ok(out)
}

/// Reads a map entry: key 1, value 2.
fn entry_of(kind: &Kind, entry: &[u8], depth: usize) -> Result<(String, Value), DecodeError> {
    let (mut key, mut item) = (String::new(), Value::from(""));
    let mut reader = Reader::new(entry);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => item = value(kind, wire, depth)?.unwrap_or_else(|| Value::from("")),
            _ => {}
        }
    }
    Ok((key, item))
}

/// Reads one value; senders write out empty texts and zeros that mean "not set".
fn value(kind: &Kind, wire: Wire<'_>, depth: usize) -> Result<Option<Value>, DecodeError> {
    Ok(match (kind, wire) {
        (Kind::Text, Wire::Bytes(bytes)) => {
            Some(text(bytes)?).filter(|t| !t.is_empty()).map(Value::from)
        }
        (Kind::Bytes, Wire::Bytes(bytes)) => Some(messages::base64(bytes).into()),
        (Kind::Number, Wire::Number(number)) => Some(number.cast_signed().into()),
        (Kind::Positive, Wire::Number(number)) => {
            (number != 0).then(|| number.cast_signed().into())
        }
        (Kind::Flag, Wire::Number(number)) => (number != 0).then(|| true.into()),
        (Kind::Quantity, Wire::Bytes(bytes)) => {
            // A message with the text as its only field.
            message(&[(1, "text", Kind::Text)], bytes, depth)?.shift_remove("text")
        }
        (Kind::IntOrText, Wire::Bytes(bytes)) => {
            let fields =
                &[(1, "type", Kind::Positive), (2, "int", Kind::Number), (3, "text", Kind::Text)];
            let mut parts = message(fields, bytes, depth)?;
            let is_text = parts.contains_key("type");
            parts.shift_remove(if is_text { "text" } else { "int" })
        }
        (Kind::Message(name), Wire::Bytes(bytes)) => {
            let fields = fields(name).unwrap_or_default();
            Some(Value::Object(message(fields, bytes, depth + 1)?))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_namespace_as_kubectl_sends_it_is_read() {
        let mut body = b"k8s\0".to_vec();
        body.extend(b"\x0a\x0f\x0a\x02v1\x12\x09Namespace");
        body.extend(b"\x12\x13\x0a\x0d\x0a\x03foo\x12\x00\x1a\x00\x22\x00*\x00\x12\x00\x1a\x00");
        body.extend(b"\x1a\x00\x22\x00");
        let expected = json!({"kind": "Namespace", "apiVersion": "v1",
            "metadata": {"name": "foo"}, "spec": {}, "status": {}});
        assert_eq!(decode(&body).unwrap(), expected);
    }

    #[test]
    fn a_kind_that_is_not_known_is_named() {
        let body = b"k8s\0\x0a\x0b\x0a\x02v1\x12\x05Thing";
        assert_eq!(decode(body), Err(DecodeError::UnknownKind("Thing".to_owned())));
        assert_eq!(decode(b"{}"), Err(DecodeError::NoEnvelope));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut body = b"k8s\0\x0a\x10\x0a\x02v1\x12\x0aDeployment\x12".to_vec();
            body.push(u8::try_from(bytes.len() & 0x7f).unwrap());
            body.extend(&bytes);
            drop(decode(&body));
        }
    }
}
