//! Acting as somebody else: `kubectl --as`.

use axum::http::HeaderMap;

use super::attributes::{Attributes, Subject, Wanted};
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::refusal::{Refusal, Target};
use crate::lab::apiserver::user::User;

/// Returns the user that a request is to be judged as.
pub(in crate::lab::apiserver) fn impersonate(
    cluster: &Cluster,
    headers: &HeaderMap,
    caller: User,
) -> Result<User, Refusal> {
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    };
    let groups = all("impersonate-group");
    let Some(name) = all("impersonate-user").into_iter().next() else {
        return if groups.is_empty() {
            Ok(caller)
        } else {
            Err(Refusal::BadRequest(format!("requested {groups:?} without impersonating a user")))
        };
    };
    let account =
        name.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
    match account {
        Some((namespace, account)) => {
            may(cluster, &caller, "serviceaccounts", namespace, account)?;
        }
        None => may(cluster, &caller, "users", "", &name)?,
    }
    for group in &groups {
        may(cluster, &caller, "groups", "", group)?;
    }
    Ok(match account {
        Some((namespace, account)) if groups.is_empty() => {
            User::service_account(namespace, account, "")
        }
        _ if name == "system:anonymous" => User::anonymous(),
        _ => User::new(&name, groups),
    })
}

fn may(
    cluster: &Cluster,
    caller: &User,
    resource: &str,
    namespace: &str,
    name: &str,
) -> Result<(), Refusal> {
    let wanted = Wanted { group: "", resource, subresource: "", namespace, name };
    let wanted = Attributes { verb: "impersonate", subject: Subject::Resource(wanted) };
    if super::allows(cluster, caller, &wanted).is_some() {
        return Ok(());
    }
    let target = Target { plural: resource.to_owned(), name: name.to_owned(), ..Target::default() };
    Err(Refusal::Forbidden { target, detail: wanted.denial(&caller.name) })
}
