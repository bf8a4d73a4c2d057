//! Flows as bytes, one after the other.

use prost::Message as _;

use super::flow::Flow;

impl Flow {
    /// Adds its bytes, with their number in front.
    pub fn append_to(&self, bytes: &mut Vec<u8>) {
        self.encode_length_delimited(bytes).expect("a vector grows as needed");
    }

    /// Takes the first flow off; `None` if there is none, or half of one.
    pub fn take_from(bytes: &mut &[u8]) -> Option<Self> {
        Self::decode_length_delimited(bytes).ok()
    }
}
