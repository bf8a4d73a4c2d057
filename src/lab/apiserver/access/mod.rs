//! Who may do what: role-based access control, evaluated from the stored roles and bindings.
//!
//! Nothing is allowed unless a binding says so, except to the group `system:masters`, as on a real cluster.

mod attributes;
mod bootstrap;
mod escalation;
mod impersonation;
mod index;
mod rules;

pub(super) use attributes::{Attributes, Subject, Wanted};
pub(super) use bootstrap::install;
pub(super) use escalation::{aggregate, check_grant};
pub(super) use impersonation::impersonate;
pub(super) use index::Gate;
pub(super) use rules::Rule;

use axum::http::Method;

use super::call::Call;
use super::cluster::Cluster;
use super::path::Path;
use super::refusal::Refusal;
use super::user::User;

/// The group that may do everything, whatever the bindings say.
const MASTERS: &str = "system:masters";

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

/// Returns why a user may do something; `None` if nothing allows it.
pub(super) fn allows(cluster: &Cluster, user: &User, wanted: &Attributes<'_>) -> Option<String> {
    if user.groups.iter().any(|group| group == MASTERS) {
        return Some(String::new());
    }
    cluster.gate.index(&cluster.store).allows(user, wanted)
}

/// Returns the rules that a user has in a namespace; one that allows everything for `system:masters`.
pub(super) fn rules(cluster: &Cluster, user: &User, namespace: &str) -> Vec<Rule> {
    if user.groups.iter().any(|group| group == MASTERS) {
        return Rule::everything().into();
    }
    cluster.gate.index(&cluster.store).rules(user, namespace)
}

/// Checks that the caller may do what the request asks.
pub(super) fn check(cluster: &Cluster, call: &Call, method: &Method) -> Result<(), Refusal> {
    let verb = verb(call, method);
    require(cluster, call, verb)?;
    if matches!(call.subresource(), "exec" | "attach" | "portforward") && verb != "create" {
        // A WebSocket upgrade is a GET; reading a pod must not be enough to run programs in it.
        require(cluster, call, "create")?;
    }
    Ok(())
}

/// Checks that the caller may use another verb on what the request names.
pub(super) fn require(cluster: &Cluster, call: &Call, verb: &str) -> Result<(), Refusal> {
    let wanted = Attributes { verb, subject: Subject::of(call) };
    match allows(cluster, &call.user, &wanted) {
        Some(_) => Ok(()),
        None => Err(Refusal::Forbidden {
            target: call.resource.target(call.path.name.as_deref().unwrap_or_default()),
            detail: wanted.denial(&call.user.name),
        }),
    }
}

/// Checks that a caller may read a path that is no resource, such as `/apis`.
pub(super) fn check_path(cluster: &Cluster, user: &User, path: &str) -> Result<(), Refusal> {
    let wanted = Attributes { verb: "get", subject: Subject::Path(path) };
    match allows(cluster, user, &wanted) {
        Some(_) => Ok(()),
        None => Err(Refusal::ForbiddenPath(wanted.denial(&user.name))),
    }
}

/// Returns the verb that rules know a request by.
fn verb(call: &Call, method: &Method) -> &'static str {
    let named = call.path.name.is_some();
    match *method {
        Method::GET | Method::HEAD if call.parameters.flag("watch") => "watch",
        Method::GET | Method::HEAD if named => "get",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "unknown",
    }
}
