//! Messages as bytes: fields by number, without their types.

use bytes::Buf;
use prost::{
    Message as _,
    encoding::{WireType, decode_key, decode_varint},
};

use super::flow::Flow;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// Numbers, enums and booleans.
    Number(u64),
    /// Text, messages, and whatever is as long as it says.
    Bytes(&'a [u8]),
    /// Eight or four bytes, as which no field of a flow is sent.
    Fixed(&'a [u8]),
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub value: Raw<'a>,
    /// The whole of it, with its number.
    pub whole: &'a [u8],
}

/// Returns a flow as bytes.
pub fn encode(flow: &Flow) -> Vec<u8> {
    flow.encode_to_vec()
}

/// Goes through the fields of a message; ends where it cannot be read.
pub fn parts(mut message: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || part(&mut message))
}

fn part<'a>(from: &mut &'a [u8]) -> Option<Part<'a>> {
    if !from.has_remaining() {
        return None;
    }
    let start = *from;
    let (number, kind) = decode_key(from).ok()?;
    let value = match kind {
        WireType::Varint => Raw::Number(decode_varint(from).ok()?),
        WireType::SixtyFourBit => Raw::Fixed(split(from, 8)?),
        WireType::ThirtyTwoBit => Raw::Fixed(split(from, 4)?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(from).ok()?).ok()?;
            Raw::Bytes(split(from, length)?)
        }
        // Groups are older than proto3.
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    Some(Part { number, value, whole: &start[..start.len() - from.len()] })
}

fn split<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (body, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(body)
}
