//! Subresources with a behaviour of their own: scale, token, binding, eviction, finalize.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::answer;
use super::body;
use super::call::{Call, Effect};
use super::cluster::Cluster;
use super::eviction;
use super::metadata;
use super::reaper;
use super::refusal::{Cause, Refusal};
use super::resource::ScalePaths;
use super::route::written;
use super::selector::query_form;
use super::writes::{self, DeleteOptions, Ownership, Patch, Written, modify};

/// Answers a request for a subresource.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let method = request.method().clone();
    let media = body::media(request.headers()).to_owned();
    let bytes = body::read(request.into_body(), cluster.limits.body_bytes).await?;
    let decoded = || body::decode(&media, &bytes);
    match (call.subresource(), &method) {
        ("scale", &Method::GET) => {
            Ok(created(&scale_of(call, &current(cluster, call)?)?, StatusCode::OK))
        }
        ("scale", &Method::PUT) => scale(cluster, call, |_| decoded()),
        ("scale", &Method::PATCH) => {
            let patch = body::decode_patch(&media, &bytes)?;
            scale(cluster, call, |scale| {
                let mut scale = scale.clone();
                match Patch::parse(call, &media, patch.clone()) {
                    Ok(Patch::Json(operations)) => json_patch::patch(&mut scale, &operations)
                        .map_err(|error| Refusal::BadRequest(error.to_string()))?,
                    Ok(_) => json_patch::merge(&mut scale, &patch),
                    Err(_) if media == "application/strategic-merge-patch+json" => {
                        json_patch::merge(&mut scale, &patch);
                    }
                    Err(refusal) => return Err(refusal),
                }
                Ok(scale)
            })
        }
        ("token", &Method::POST) => token(cluster, call, &decoded()?),
        ("binding", &Method::POST) => bind(cluster, call, &decoded()?),
        ("eviction", &Method::POST) => evict(cluster, call, &decoded()?),
        ("finalize", &Method::PUT) => finalize(cluster, call, &decoded()?),
        ("ephemeralcontainers" | "resize", &Method::GET) => {
            Ok(answer::value(call, StatusCode::OK, &current(cluster, call)?))
        }
        ("ephemeralcontainers" | "resize", &Method::PATCH) => {
            let patch = Patch::parse(call, &media, body::decode_patch(&media, &bytes)?)?;
            written(call, writes::patch(cluster, call, &patch)?)
        }
        ("ephemeralcontainers" | "resize", &Method::PUT) => {
            written(call, writes::replace(cluster, call, &decoded()?)?)
        }
        _ => Err(Refusal::MethodNotAllowed),
    }
}

fn current(cluster: &Cluster, call: &Call) -> Result<Value, Refusal> {
    let key = call.key()?;
    let object = cluster.store.get(&call.resource.id, &key);
    Ok(object.ok_or_else(|| call.not_found(&key.name))?.value())
}

fn created(value: &Value, code: StatusCode) -> Response<Body> {
    answer::json(code, value.to_string())
}

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn paths(call: &Call) -> Result<&ScalePaths, Refusal> {
    call.resource.scale.as_ref().ok_or(Refusal::NoResource)
}

fn scale_of(call: &Call, object: &Value) -> Result<Value, Refusal> {
    let paths = paths(call)?;
    let number =
        |path: &str| object.pointer(&pointer(path)).and_then(Value::as_i64).unwrap_or_default();
    let selector = match &paths.selector {
        Some(path) => {
            object.pointer(&pointer(path)).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        None => query_form(&object["spec"]["selector"]),
    };
    let meta = &object["metadata"];
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"]},
        "spec": {"replicas": number(&paths.spec_replicas)},
        "status": {"replicas": number(&paths.status_replicas), "selector": selector},
    }))
}

fn scale(
    cluster: &Cluster,
    call: &Call,
    change: impl Fn(&Value) -> Result<Value, Refusal>,
) -> Result<Response<Body>, Refusal> {
    let path = pointer(&paths(call)?.spec_replicas);
    let outcome = modify(cluster, call, |object| {
        let wanted = change(&scale_of(call, object)?)?;
        let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or_default();
        if !(0..=i64::from(i32::MAX)).contains(&replicas) {
            return Err(Refusal::BadRequest(format!("cannot scale to {replicas}")));
        }
        let mut new = object.clone();
        set(&mut new, &path, replicas.into());
        let version = metadata::text(&wanted, "resourceVersion").to_owned();
        if !version.is_empty() {
            metadata::of(&mut new)?.insert("resourceVersion".to_owned(), version.into());
        }
        Ok((new, Ownership::Track))
    })?;
    let value = match outcome {
        Written::Created(object) | Written::Updated(object) => object.value(),
        Written::Removed(value) | Written::Preview(value) => value,
    };
    Ok(created(&scale_of(call, &value)?, StatusCode::OK))
}

/// Sets a value at a pointer, making the objects on the way.
fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for step in pointer.split('/').filter(|s| !s.is_empty()) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[step];
    }
    *at = value;
}

/// Seconds that a token has to be good for.
const SHORTEST_TOKEN: i64 = 600;

fn token(cluster: &Cluster, call: &Call, request: &Value) -> Result<Response<Body>, Refusal> {
    let name = call.name()?;
    let spec = &request["spec"];
    let audiences: Vec<String> = spec["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|a| a.as_str().map(str::to_owned))
        .collect();
    if let Some(seconds) = spec["expirationSeconds"].as_i64().filter(|s| *s < SHORTEST_TOKEN) {
        let detail = "may not specify a duration less than 10 minutes";
        return Err(Refusal::Invalid {
            target: call.resource.target(name),
            causes: vec![Cause::invalid("spec.expirationSeconds", &seconds.into(), detail)],
        });
    }
    let (token, expires) = cluster
        .token(call.namespace(), name, audiences.clone(), spec["expirationSeconds"].as_i64())
        .ok_or_else(|| call.not_found(name))?;
    let expires = jiff::Timestamp::from_second(expires).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let answer = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": call.namespace(), "creationTimestamp": metadata::now()},
        "spec": {"audiences": audiences, "expirationSeconds": spec["expirationSeconds"]},
        "status": {"token": token, "expirationTimestamp": expires.to_string()},
    });
    Ok(created(&answer, StatusCode::CREATED))
}

fn bind(cluster: &Cluster, call: &Call, binding: &Value) -> Result<Response<Body>, Refusal> {
    let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
    modify(cluster, call, |pod| {
        let bound = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        if !bound.is_empty() {
            return Err(Refusal::Conflict {
                target: call.resource.target(call.name()?),
                detail: format!("pod {} is already assigned to node {bound:?}", call.name()?),
            });
        }
        let mut new = pod.clone();
        new["spec"]["nodeName"] = node.as_str().into();
        Ok((new, Ownership::Track))
    })?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(created(&status, StatusCode::CREATED))
}

fn evict(cluster: &Cluster, call: &Call, eviction: &Value) -> Result<Response<Body>, Refusal> {
    let _turn = cluster.evictions.lock().unwrap_or_else(PoisonError::into_inner);
    eviction::permit(cluster, &call.key()?)?;
    let options = DeleteOptions::parse(call, &eviction["deleteOptions"])?;
    writes::delete(cluster, &call.resource, &call.key()?, &options, call.effect()?)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(created(&status, StatusCode::CREATED))
}

fn finalize(cluster: &Cluster, call: &Call, wanted: &Value) -> Result<Response<Body>, Refusal> {
    let key = call.key()?;
    let finalizers = wanted["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
    if call.effect()? == Effect::DryRun {
        let mut namespace = current(cluster, call)?;
        namespace["spec"]["finalizers"] = finalizers.into();
        return Ok(answer::value(call, StatusCode::OK, &namespace));
    }
    let object = cluster
        .change(&call.resource.id, &key, |value| {
            value["spec"]["finalizers"] = finalizers.clone().into();
        })
        .ok_or_else(|| call.not_found(&key.name))?;
    reaper::finish(cluster, &call.resource, &object);
    Ok(answer::object(call, StatusCode::OK, &object))
}
