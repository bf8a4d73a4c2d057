//! Nodes.

use serde_json::{Value, json};

use super::default;

pub(super) fn defaults(value: &mut Value) {
    default(value, "spec", json!({}));
    default(value, "status", json!({}));
}
