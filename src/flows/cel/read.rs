//! Reads fields of messages that are bytes: what an expression does not ask for is never decoded.

use std::str;

use jiff::Timestamp;

use super::{kind::Kind, value::Value};
use crate::hubble::{
    schema::Field,
    wire::{Part, Raw, parts},
};

/// Tells whether a field is there. Scalars are when they are not their default, as in proto3.
pub(super) fn is_there(message: &[u8], field: &Field) -> bool {
    parts(message).any(|part| part.number == field.number)
}

/// Returns the value of a field; what is not there has its default.
pub(super) fn read<'a>(message: &'a [u8], field: &Field, kind: &Kind) -> Option<Value<'a>> {
    let mut found = parts(message).filter(|part| part.number == field.number);
    if let Kind::List(of) = kind {
        return found
            .map(|part| one(part, of))
            .collect::<Option<Vec<_>>>()
            .map(|l| Value::List(l.into()));
    }
    // The last one counts.
    match found.by_ref().last() {
        Some(part) => one(part, kind),
        None => default(kind),
    }
}

fn one<'a>(part: Part<'a>, kind: &Kind) -> Option<Value<'a>> {
    Some(match (kind, part.value) {
        (Kind::Bool, Raw::Number(number)) => Value::Bool(number != 0),
        (Kind::Int, Raw::Number(number)) => Value::Int(number.cast_signed()),
        (Kind::Uint, Raw::Number(number)) => Value::Uint(number),
        (Kind::Text, Raw::Bytes(bytes)) => Value::Text(str::from_utf8(bytes).ok()?.into()),
        (Kind::Message(_), Raw::Bytes(bytes)) => Value::Message(bytes),
        (Kind::MaybeBool, Raw::Bytes(bytes)) => Value::Bool(number(bytes, 1) != 0),
        (Kind::Time, Raw::Bytes(bytes)) => {
            let nanos = i32::try_from(number(bytes, 2)).ok()?;
            Value::Time(Timestamp::new(number(bytes, 1).cast_signed(), nanos).ok()?)
        }
        _ => return None,
    })
}

fn number(message: &[u8], wanted: u32) -> u64 {
    let found = parts(message).filter(|part| part.number == wanted).last();
    match found.map(|part| part.value) {
        Some(Raw::Number(number)) => number,
        _ => 0,
    }
}

fn default<'a>(kind: &Kind) -> Option<Value<'a>> {
    Some(match kind {
        Kind::Bool => Value::Bool(false),
        Kind::Int => Value::Int(0),
        Kind::Uint => Value::Uint(0),
        Kind::Text => Value::Text("".into()),
        Kind::Message(_) => Value::Message(&[]),
        Kind::MaybeBool => Value::Null,
        Kind::Time => Value::Time(Timestamp::UNIX_EPOCH),
        _ => return None,
    })
}
