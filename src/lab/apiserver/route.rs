//! From a request to the function that answers it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};

use tokio_util::sync::CancellationToken;

use super::accept::DiscoveryForm;
use super::answer;
use super::body;
use super::call::Call;
use super::cluster::Cluster;
use super::path::{Parameters, Path};
use super::reads::{self, Selection};
use super::refusal::Refusal;
use super::store::Object;
use super::user::User;
use super::writes::{self, DeleteOptions, Deleted, Patch, Written};
use super::{access, connect, discovery, openapi, reviews, subresources, watching};

/// Answers a request; never fails.
pub(super) async fn respond(
    cluster: Arc<Cluster>,
    certificate: Option<Arc<User>>,
    request: Request<Body>,
) -> Response<Body> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = match answer(&cluster, certificate.as_ref(), request).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    };
    tracing::debug!(%method, path, status = response.status().as_u16(), "api request");
    response
}

async fn answer(
    cluster: &Arc<Cluster>,
    certificate: Option<&Arc<User>>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let user = cluster
        .identify(header_of(&request, header::AUTHORIZATION), certificate)
        .ok_or(Refusal::Unauthorized)?;
    let user = access::impersonate(cluster, request.headers(), user)?;
    let path = Path::parse(request.uri().path())?;
    if !matches!(path, Path::Resource(_)) && !access::is_public(&path) {
        access::check_path(cluster, &user, request.uri().path())?;
    }
    match path {
        Path::Other(segments) => other(cluster, &segments, &request),
        Path::Discovery(segments) => {
            only_get(request.method())?;
            let catalog = cluster.registry.catalog();
            if let [_, group, ..] = segments.as_slice()
                && segments[0] == "apis"
                && !catalog.has_group(group)
            {
                return Ok(page_not_found());
            }
            let form = DiscoveryForm::negotiate(header_of(&request, header::ACCEPT));
            let name = format!("{}:{form:?}", segments.join("/"));
            // Only documents that exist are kept, so that no client can fill the memory.
            let made = discovery::document(&catalog, &segments, form)?;
            let document = catalog.document(&name, || made.to_string());
            let mut response = answer::json(StatusCode::OK, document);
            let headers = response.headers_mut();
            let form = if segments.len() == 1 { form } else { DiscoveryForm::Legacy };
            let kind = HeaderValue::from_static(discovery::content_type(form));
            headers.insert(header::CONTENT_TYPE, kind);
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
            if let Ok(etag) = HeaderValue::try_from(format!("\"{}-{name}\"", catalog.generation)) {
                headers.insert(header::ETAG, etag);
            }
            Ok(response)
        }
        Path::Resource(path) => {
            let catalog = cluster.registry.catalog();
            if !path.group.is_empty() && !catalog.has_group(&path.group) {
                return Ok(page_not_found());
            }
            let parameters = Parameters::parse(request.uri().query());
            let hang_up = request.extensions().get::<CancellationToken>().cloned();
            let hang_up = hang_up.unwrap_or_default();
            let call = Call::new(catalog, path, parameters, request.headers(), user, hang_up)?;
            resource(cluster, call, request).await
        }
    }
}

fn page_not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn plain(code: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = code;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn header_of(request: &Request<Body>, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

fn only_get(method: &Method) -> Result<(), Refusal> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(())
    } else {
        Err(Refusal::MethodNotAllowed)
    }
}

fn other(
    cluster: &Cluster,
    segments: &[String],
    request: &Request<Body>,
) -> Result<Response<Body>, Refusal> {
    only_get(request.method())?;
    let verbose = Parameters::parse(request.uri().query()).flag("verbose");
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [check @ ("healthz" | "livez" | "readyz"), ..] if verbose => {
            let text = format!("[+]ping ok\n[+]objects ok\n{check} check passed\n");
            Ok(plain(StatusCode::OK, text))
        }
        ["healthz" | "livez" | "readyz", ..] => Ok(plain(StatusCode::OK, "ok")),
        ["version"] => Ok(answer::json(StatusCode::OK, discovery::version().to_string())),
        ["openapi", "v2"] => {
            let accept = header_of(request, header::ACCEPT).unwrap_or_default();
            let (kind, document) = openapi::version_two(accept);
            let mut response = answer::json(StatusCode::OK, document);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            Ok(response)
        }
        ["openapi", "v3"] => {
            let catalog = cluster.registry.catalog();
            let index = catalog.document("openapi", || openapi::index(&catalog).to_string());
            Ok(answer::json(StatusCode::OK, index))
        }
        ["openapi", "v3", rest @ ..] => {
            let catalog = cluster.registry.catalog();
            let document = match rest {
                ["api", version] => openapi::document(&catalog, "", version),
                ["apis", group, version] => openapi::document(&catalog, group, version),
                _ => None,
            };
            Ok(document.map_or_else(page_not_found, |body| answer::json(StatusCode::OK, body)))
        }
        [] => Ok(answer::json(
            StatusCode::OK,
            r#"{"paths":["/api","/apis","/healthz","/livez","/openapi/v3","/readyz","/version"]}"#,
        )),
        _ => Ok(page_not_found()),
    }
}

async fn resource(
    cluster: &Arc<Cluster>,
    call: Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    access::check(cluster, &call, request.method())?;
    let limit = cluster.limits.body_bytes;
    if !call.subresource().is_empty() {
        if call.resource.subresource(call.subresource()).is_none() {
            return Err(Refusal::NoResource);
        }
        if matches!(call.subresource(), "exec" | "attach" | "portforward" | "log") {
            return connect::answer(cluster, call, request).await;
        }
        if call.subresource() != "status" {
            return subresources::answer(cluster, &call, request).await;
        }
    }
    if call.resource.verbs == ["create"] {
        return reviews::answer(cluster, &call, request).await;
    }
    let named = call.path.name.is_some();
    let media = body::media(request.headers()).to_owned();
    match (request.method().clone(), named) {
        (Method::GET | Method::HEAD, _) if call.parameters.flag("watch") => {
            watching::watch(cluster, call)
        }
        (Method::GET | Method::HEAD, true) => reads::get(cluster, &call),
        (Method::GET | Method::HEAD, false) => reads::list(cluster, &call).await,
        (Method::POST, false) => {
            let value = body::decode(&media, &body::read(request.into_body(), limit).await?)?;
            written(&call, writes::create(cluster, &call, call.inward(value))?)
        }
        (Method::PUT, true) => {
            let value = body::decode(&media, &body::read(request.into_body(), limit).await?)?;
            written(&call, writes::replace(cluster, &call, &call.inward(value))?)
        }
        (Method::PATCH, true) => {
            let bytes = body::read(request.into_body(), limit).await?;
            let value = call.inward(body::decode_patch(&media, &bytes)?);
            let patch = Patch::parse(&call, &media, value)?;
            written(&call, writes::patch(cluster, &call, &patch)?)
        }
        (Method::DELETE, _) => {
            let bytes = body::read(request.into_body(), limit).await?;
            let options = if bytes.is_empty() {
                DeleteOptions::parse(&call, &serde_json::Value::Null)?
            } else {
                DeleteOptions::parse(&call, &body::decode(&media, &bytes)?)?
            };
            delete(cluster, &call, &options, named)
        }
        _ => Err(Refusal::MethodNotAllowed),
    }
}

/// Answers with the outcome of a write.
pub(super) fn written(call: &Call, written: Written) -> Result<Response<Body>, Refusal> {
    Ok(match written {
        Written::Created(object) => answer::object(call, StatusCode::CREATED, &object),
        Written::Updated(object) => answer::object(call, StatusCode::OK, &object),
        Written::Removed(value) => answer::value(call, StatusCode::OK, &value),
        Written::Preview(mut value) => {
            value["kind"] = call.resource.kind.as_str().into();
            value["apiVersion"] = call.resource.api_version().into();
            answer::value(call, StatusCode::OK, &value)
        }
    })
}

fn delete(
    cluster: &Cluster,
    call: &Call,
    options: &DeleteOptions,
    named: bool,
) -> Result<Response<Body>, Refusal> {
    if !named {
        let selection = Selection::parse(call)?;
        let matches = |object: &Object| selection.matches(object);
        let gone = writes::delete_collection(cluster, call, options, &matches)?;
        let mut metadata = serde_json::Map::new();
        metadata.insert("resourceVersion".to_owned(), cluster.store.revision().to_string().into());
        return Ok(answer::list(call, &gone, metadata));
    }
    match writes::delete(cluster, &call.resource, &call.key()?, options, call.effect()?)? {
        Deleted::Pending(object) => Ok(answer::object(call, StatusCode::OK, &object)),
        Deleted::Gone(object) => {
            let mut details = serde_json::json!({
                "name": &*object.key.name, "kind": call.resource.plural, "uid": &*object.uid,
            });
            if !call.resource.group.is_empty() {
                details["group"] = call.resource.group.as_str().into();
            }
            let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                "status": "Success", "details": details});
            Ok(answer::json(StatusCode::OK, status.to_string()))
        }
    }
}
