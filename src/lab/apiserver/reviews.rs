//! Kinds that are posted and answered, never stored: who am I, may I.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::access::{self, Attributes, Subject, Wanted};
use super::answer;
use super::body;
use super::call::Call;
use super::cluster::Cluster;
use super::refusal::{Cause, Refusal};
use super::token::ISSUER;
use super::user::User;

/// Answers a review.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let media = body::media(request.headers()).to_owned();
    let bytes = body::read(request.into_body(), cluster.limits.body_bytes).await?;
    let mut review = body::decode(&media, &bytes)?;
    if !review.is_object() {
        return Err(Refusal::BadRequest("the review is not a JSON object".to_owned()));
    }
    review["kind"] = call.resource.kind.as_str().into();
    review["apiVersion"] = call.resource.api_version().into();
    let spec = &review["spec"];
    review["status"] = match call.resource.kind.as_str() {
        "TokenReview" => token_status(cluster, spec),
        "SelfSubjectReview" => json!({"userInfo": user_info(&call.user)}),
        "SelfSubjectRulesReview" => rules_status(cluster, call, spec)?,
        "SelfSubjectAccessReview" => access_status(cluster, call, &call.user, spec)?,
        _ => access_status(cluster, call, &named_user(call, spec)?, spec)?,
    };
    Ok(answer::json(StatusCode::CREATED, review.to_string()))
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    info
}

fn token_status(cluster: &Cluster, spec: &Value) -> Value {
    let asked = spec["audiences"].as_array().into_iter().flatten();
    let mut audiences: Vec<String> = asked.filter_map(|a| a.as_str().map(str::to_owned)).collect();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    let token = spec["token"].as_str().unwrap_or_default();
    match cluster.by_token_for(token, &audiences) {
        Some((user, shared)) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": shared})
        }
        None => json!({"authenticated": false, "error": "the token is not known or has expired"}),
    }
}

fn invalid(call: &Call, field: &str, value: &Value, detail: &str) -> Refusal {
    let causes = vec![Cause::invalid(field, value, detail)];
    Refusal::Invalid { target: call.resource.target(""), causes }
}

/// Returns the user that a SubjectAccessReview names.
fn named_user(call: &Call, spec: &Value) -> Result<User, Refusal> {
    let name = spec["user"].as_str().unwrap_or_default();
    let groups: Vec<String> = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect();
    if name.is_empty() && groups.is_empty() {
        let detail = "at least one of user or group must be specified";
        return Err(invalid(call, "spec.user", &"".into(), detail));
    }
    // As asked: no group is added, not even that of all authenticated users.
    Ok(User { name: name.to_owned(), uid: String::new(), groups })
}

fn access_status(
    cluster: &Cluster,
    call: &Call,
    user: &User,
    spec: &Value,
) -> Result<Value, Refusal> {
    let resource = spec.get("resourceAttributes").filter(|a| a.is_object());
    let path = spec.get("nonResourceAttributes").filter(|a| a.is_object());
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let (verb, names) = match (resource, path) {
        (Some(wanted), None) => {
            let member = |name: &str| text(&wanted[name]);
            let members = ["group", "resource", "subresource", "namespace", "name"].map(member);
            (member("verb"), members)
        }
        (None, Some(wanted)) => {
            let mut members = [const { String::new() }; 5];
            members[0] = text(&wanted["path"]);
            (text(&wanted["verb"]), members)
        }
        _ => {
            let detail =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            return Err(invalid(call, "spec.resourceAttributes", &Value::Null, detail));
        }
    };
    let [group, resource, subresource, namespace, name] = &names;
    if call.resource.kind == "LocalSubjectAccessReview" && namespace != call.namespace() {
        let detail = format!("must match metadata.namespace ({:?})", call.namespace());
        let field = "spec.resourceAttributes.namespace";
        return Err(invalid(call, field, &namespace.as_str().into(), &detail));
    }
    let subject = match path {
        Some(_) => Subject::Path(group),
        None => Subject::Resource(Wanted { group, resource, subresource, namespace, name }),
    };
    Ok(match access::allows(cluster, user, &Attributes { verb: &verb, subject }) {
        Some(reason) => json!({"allowed": true, "reason": reason}),
        None => json!({"allowed": false}),
    })
}

fn rules_status(cluster: &Cluster, call: &Call, spec: &Value) -> Result<Value, Refusal> {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() {
        return Err(Refusal::BadRequest("no namespace on request".to_owned()));
    }
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in access::rules(cluster, &call.user, namespace) {
        let rule = serde_json::to_value(&rule).expect("a rule serialises");
        if rule["nonResourceURLs"].is_null() {
            resources.push(rule);
        } else {
            paths.push(rule);
        }
    }
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}
