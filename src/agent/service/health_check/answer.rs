//! What a load balancer is told.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;

use crate::service::HealthCheck;

/// How much of the traffic a node wants: load balancers that know it send more to nodes with more endpoints.
const WEIGHT: HeaderName = HeaderName::from_static("x-load-balancing-endpoint-weight");

/// The document that kube-proxy writes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    service: Name<'a>,
    local_endpoints: usize,
    service_proxy_healthy: bool,
}

#[derive(Serialize)]
struct Name<'a> {
    namespace: &'a str,
    name: &'a str,
}

/// Answers as kube-proxy does, whatever the method and the path. A service that is not there any more, or
/// needs no health check now, is not found until its port is closed.
pub(super) fn answer(check: Option<&HealthCheck>) -> Response<Full<Bytes>> {
    let Some(check) = check else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let document = Document {
        service: Name { namespace: &check.service.namespace, name: &check.service.name },
        local_endpoints: check.ready,
        // An agent that hangs does not answer, and one that has ended does not listen.
        service_proxy_healthy: true,
    };
    let body = serde_json::to_vec(&document).expect("texts and numbers are always JSON");
    let mut response = Response::new(Full::new(body.into()));
    if check.ready == 0 {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(WEIGHT, HeaderValue::from(check.ready));
    response
}
