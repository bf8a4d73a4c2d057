//! Custom resources: defaulting, pruning and validation by their structural schema.

use serde_json::Value;

use super::strict;
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::refusal::{Cause, Refusal};
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::schema;

/// Sets defaults and drops unknown fields.
pub(super) fn prepare(resource: &Resource, value: &mut Value, call: &Call) -> Result<(), Refusal> {
    let Some(schema) = resource.custom.as_ref().and_then(|custom| custom.schema.as_ref()) else {
        return Ok(());
    };
    strict::report(call, &schema::prune(schema, value))?;
    schema::default(schema, value);
    Ok(())
}

pub(super) fn validate(resource: &Resource, value: &Value) -> Vec<Cause> {
    let schema = resource.custom.as_ref().and_then(|custom| custom.schema.as_ref());
    schema.map(|schema| schema::validate(schema, value)).unwrap_or_default()
}
