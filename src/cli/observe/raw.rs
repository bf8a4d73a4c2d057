//! Filters as Hubble prints them.

use serde::Serialize;

use crate::{cli::output::EncodeError, flows::Request, hubble::flow::FlowFilter};

/// Each filter is JSON inside of YAML, ready for `--allowlist` and `--denylist`.
#[derive(Serialize)]
struct RawFilters {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowlist: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denylist: Vec<String>,
}

/// Writes the filters of a request.
pub(super) fn yaml(request: &Request) -> Result<String, EncodeError> {
    let json = |filters: &[FlowFilter]| {
        filters.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()
    };
    let raw = RawFilters { allowlist: json(&request.allow)?, denylist: json(&request.deny)? };
    Ok(serde_yaml::to_string(&raw)?)
}
