//! `google.protobuf.Any`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, Serializer, de::Error};

/// A message of a kind that need not be known here: others put their extensions into it.
///
/// Its JSON has the bytes, since the kind is not known.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Any {
    /// The kind.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Shape {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(default)]
    value: String,
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Shape { kind: self.type_url.clone(), value: STANDARD.encode(&self.value) }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Shape { kind, value } = Shape::deserialize(from)?;
        Ok(Self { type_url: kind, value: STANDARD.decode(value).map_err(D::Error::custom)? })
    }
}
