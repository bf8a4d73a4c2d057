//! Who may do what.

use axum::http::Method;

use super::call::Call;
use super::cluster::Cluster;
use super::path::Path;
use super::refusal::Refusal;

/// Tells whether callers without a credential may read this.
pub(super) fn is_public(path: &Path) -> bool {
    match path {
        Path::Other(segments) => matches!(
            segments.first().map(String::as_str),
            Some("healthz" | "livez" | "readyz" | "version")
        ),
        _ => false,
    }
}

/// Checks that the caller may do what the request asks. Every known caller of a lab may do everything.
pub(super) fn check(_cluster: &Cluster, call: &Call, _method: &Method) -> Result<(), Refusal> {
    if call.user.is_anonymous() { Err(Refusal::Unauthorized) } else { Ok(()) }
}
