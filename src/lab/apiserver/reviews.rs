//! Kinds that are posted and answered, never stored: who am I, may I.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::answer;
use super::body;
use super::call::Call;
use super::cluster::Cluster;
use super::refusal::Refusal;
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
    review["status"] = match call.resource.kind.as_str() {
        "TokenReview" => token_status(cluster, &review["spec"]),
        "SelfSubjectReview" => json!({"userInfo": user_info(&call.user)}),
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        _ => json!({"allowed": true, "reason": "every known user of a lab may do everything"}),
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
    match cluster.users.by_token(spec["token"].as_str().unwrap_or_default()) {
        Some(user) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": spec["audiences"]})
        }
        None => json!({"authenticated": false, "error": "the token is not known or has expired"}),
    }
}
