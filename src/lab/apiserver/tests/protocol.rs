//! Bytes that no well-behaved client sends.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::harness::{Lab, TOKEN};
use crate::lab::apiserver::Limits;

/// Sends one request on a connection of its own, without a client that knows better.
pub(super) async fn send(
    lab: &Lab,
    method: &str,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let credential = format!("Authorization: Bearer {TOKEN}\r\n");
    send_as(lab, &credential, (method, path), kind, body).await
}

/// The same with another credential, or none.
pub(super) async fn send_as(
    lab: &Lab,
    credential: &str,
    (method, path): (&str, &str),
    kind: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let mut stream = lab.connect().await;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n{credential}\
         Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a large body early may close before all of it is sent.
    let sent = stream.write_all(&body).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    assert!(read.await.is_ok() || sent.is_err(), "{method} {path}: no end of the answer");
    let text = String::from_utf8_lossy(&answer);
    let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    // Objects are on one line, in a chunked body too.
    let line = body.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    (code, serde_json::from_str(line).unwrap_or(Value::Null))
}

const CONFIGMAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn malformed_bodies_are_answered_with_a_status() {
    let lab = Lab::start().await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
    for body in [b"{".to_vec(), b"[]".to_vec(), b"null".to_vec(), vec![0xff; 64], deep] {
        let (code, status) = send(&lab, "POST", CONFIGMAPS, "application/json", body).await;
        assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")));
    }
    for (object, code) in [
        (json!({"metadata": "x"}), 400),
        (json!({"metadata": {"name": 7}}), 400),
        (json!({"metadata": {"name": "a"}, "data": "x"}), 400),
        (json!({"metadata": {"name": "a", "labels": {"k": 1}}}), 400),
        (json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a"}}), 400),
        (json!({"metadata": {"name": "../etc"}}), 422),
        (json!({"metadata": {"name": "A"}}), 422),
        (json!({"metadata": {}}), 422),
    ] {
        let body = object.to_string().into_bytes();
        let (found, status) = send(&lab, "POST", CONFIGMAPS, "application/json", body).await;
        assert_eq!(found, code, "{object}: {status}");
    }
    for plural in ["pods", "services", "nodes", "secrets", "deployments", "jobs", "networkpolicies"]
    {
        let (group, place) = match plural {
            "nodes" => ("api/v1", ""),
            "deployments" => ("apis/apps/v1", "namespaces/default/"),
            "jobs" => ("apis/batch/v1", "namespaces/default/"),
            "networkpolicies" => ("apis/networking.k8s.io/v1", "namespaces/default/"),
            _ => ("api/v1", "namespaces/default/"),
        };
        let path = format!("/{group}/{place}{plural}");
        let specs = [
            json!("x"),
            json!([]),
            json!({"ports": 1, "containers": 1, "taints": 1, "template": [], "podSelector": 1}),
        ];
        for spec in specs {
            let object = json!({"metadata": {"name": "a"}, "spec": spec, "type": 1});
            let body = object.to_string().into_bytes();
            let (code, status) = send(&lab, "POST", &path, "application/json", body).await;
            assert_eq!(code, 400, "{plural} {object}: {status}");
        }
    }
    let large = vec![b' '; Limits::default().body_bytes + 1];
    assert_eq!(send(&lab, "POST", CONFIGMAPS, "application/json", large).await.0, 413);
    let (code, _) = send(&lab, "POST", CONFIGMAPS, "text/plain", b"{}".to_vec()).await;
    assert_eq!(code, 415);
}

#[tokio::test]
async fn unknown_places_and_methods_are_refused() {
    let lab = Lab::start().await;
    for (method, path, code) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/apis/none.example.com/v1/things", 404),
        ("GET", "/apis/apps/v9/deployments", 404),
        ("GET", "/api/v1/namespaces/default/pods/..%2f..%2fsecrets", 400),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("PUT", CONFIGMAPS, 405),
        ("POST", "/version", 405),
        ("GET", "/api/v1/namespaces/default/configmaps?limit=x", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?continue=x", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?labelSelector=a+b", 400),
        ("GET", "/api/v1/namespaces/default/configmaps?fieldSelector=data.x%3D1", 400),
        ("GET", "/api/v1/configmaps?resourceVersionMatch=Exact", 422),
        ("GET", "/api/v1/configmaps?resourceVersion=999999", 504),
        ("GET", "/api/v1/configmaps?watch=1&resourceVersion=abc", 500),
        ("GET", "/api/v1/configmaps?watch=1&sendInitialEvents=true", 422),
        ("GET", "/openapi/v2", 200),
        ("GET", "/openapi/v1", 404),
        ("GET", "/readyz", 200),
    ] {
        let (found, status) = send(&lab, method, path, "application/json", Vec::new()).await;
        assert_eq!(found, code, "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn a_watch_that_fell_behind_is_told_so() {
    let limits = Limits { history_events: 8, ..Limits::default() };
    let lab = Lab::with(limits).await;
    for n in 0..20 {
        let object = json!({"metadata": {"name": format!("c{n}")}}).to_string().into_bytes();
        assert_eq!(send(&lab, "POST", CONFIGMAPS, "application/json", object).await.0, 201);
    }
    let path = format!("{CONFIGMAPS}?watch=1&resourceVersion=2");
    let (code, event) = send(&lab, "GET", &path, "application/json", Vec::new()).await;
    assert_eq!((code, &event["type"]), (200, &json!("ERROR")));
    assert_eq!(event["object"]["code"], 410);
    let path = format!("{CONFIGMAPS}?resourceVersion=2&resourceVersionMatch=Exact");
    assert_eq!(send(&lab, "GET", &path, "application/json", Vec::new()).await.0, 410);
}

#[tokio::test]
async fn plain_text_and_silence_do_not_hold_a_connection() {
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    let lab = Lab::with(limits).await;
    let address = lab.url.strip_prefix("https://").unwrap();
    for greeting in ["GET / HTTP/1.1\r\n\r\n", ""] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
        // Reset and end are both fine; staying open is not.
        drop(closed.await.expect("the server closes the connection"));
    }
}
