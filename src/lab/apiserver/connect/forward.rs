//! `pods/portforward`: which of its three protocols the client speaks.
//!
//! kubectl 1.31 and later tunnel SPDY/3.1 through a WebSocket; older ones, and newer ones that were refused that, upgrade
//! the connection to SPDY itself; kube-rs sends a WebSocket with two channels per port.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper_util::rt::TokioIo;

use super::ports::{self, Gate};
use super::{channels, spdy, target, tunnel};
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::refusal::Refusal;

/// SPDY in a WebSocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// Two channels per port.
const CHANNELS: &str = "v4.channel.k8s.io";
/// How SPDY is asked for.
const SPDY: &str = "SPDY/3.1";
/// What is spoken in SPDY.
const PROTOCOL: &str = "portforward.k8s.io";
/// Where clients say what they speak in SPDY.
const VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// Answers with the upgrade to a protocol of port-forward.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    call: &Call,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (pod, object) = target::pod(cluster, call)?;
    if object["status"]["phase"] != "Running" {
        let phase = object["status"]["phase"].as_str().unwrap_or("Pending");
        return Err(Refusal::BadRequest(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let gate = Gate::new(Arc::clone(&cluster.pods), pod, cluster.shutdown.child_token());
    let asks_spdy = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(SPDY.as_bytes()));
    if asks_spdy {
        return upgrade(request, gate);
    }
    if request.method() != Method::GET {
        return Err(Refusal::BadRequest("unable to upgrade: missing upgrade headers".to_owned()));
    }
    let numbers = numbers(call)?;
    let upgrade = channels::upgrade(request).await?.protocols([TUNNEL, CHANNELS]);
    let tunnelled =
        upgrade.selected_protocol().is_some_and(|chosen| chosen.as_bytes() == TUNNEL.as_bytes());
    if !tunnelled && numbers.is_empty() {
        return Err(Refusal::BadRequest("query parameter \"ports\" is required".to_owned()));
    }
    let serve = move |socket| async move {
        if tunnelled {
            let (from_client, to_client) = tunnel::of_websocket(socket);
            spdy::serve(gate, from_client, to_client).await;
        } else {
            ports::serve(gate, numbers, socket).await;
        }
    };
    Ok(upgrade.on_upgrade(serve).into_response())
}

/// Returns the ports that the query names.
fn numbers(call: &Call) -> Result<Vec<u16>, Refusal> {
    let parse = |text: &str| {
        let invalid = || Refusal::BadRequest(format!("{text:?} is not a port"));
        text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(invalid)
    };
    let all = call.parameters.all("ports").iter().flat_map(|list| list.split(','));
    all.filter(|text| !text.is_empty()).map(parse).collect()
}

/// Turns the connection itself into a SPDY session.
fn upgrade(mut request: Request<Body>, gate: Gate) -> Result<Response<Body>, Refusal> {
    let offered = request.headers().get_all(VERSION).iter();
    let mut offered = offered.flat_map(|value| value.to_str().unwrap_or("").split(','));
    if !offered.any(|protocol| protocol.trim() == PROTOCOL) {
        return Err(Refusal::BadRequest(format!(
            "unable to upgrade: the only protocol is {PROTOCOL}"
        )));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (from_client, to_client) = tunnel::of_connection(TokioIo::new(upgraded));
            spdy::serve(gate, from_client, to_client).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
    headers.insert(VERSION, HeaderValue::from_static(PROTOCOL));
    Ok(response)
}
