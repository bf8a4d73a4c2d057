//! Pages, bookmarks, generated names, and dry runs of every verb.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::harness::{Lab, TOKEN};
use super::protocol::send;
use crate::lab::apiserver::Limits;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn call(lab: &Lab, method: &str, path: &str, body: Value) -> (u16, Value) {
    let kind = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    send(lab, method, path, kind, body).await
}

/// Reads events of a watch until `enough`.
async fn watch(lab: &Lab, query: &str, mut enough: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let mut stream = lab.connect().await;
    let request = format!(
        "GET {MAPS}?watch=1&{query} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut text, mut buffer, mut events) = (String::new(), [0; 4096], Vec::new());
    let read = async {
        loop {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the watch goes on");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            while let Some((line, rest)) =
                text.split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned()))
            {
                text = rest;
                // Heads and sizes of chunks are no events.
                let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
                if event["type"].is_string() {
                    let done = enough(&event);
                    events.push(event);
                    if done {
                        return;
                    }
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the events come");
    events
}

#[tokio::test]
async fn a_token_of_a_page_that_is_too_old_is_gone() {
    let lab = Lab::with(Limits { history_events: 4, ..Limits::default() }).await;
    for n in 0..5 {
        call(&lab, "POST", MAPS, json!({"metadata": {"name": format!("c{n}")}})).await;
    }
    let (_, page) = call(&lab, "GET", &format!("{MAPS}?limit=2"), Value::Null).await;
    assert_eq!(page["metadata"]["remainingItemCount"], 4);
    let token = page["metadata"]["continue"].as_str().unwrap();
    let next = format!("{MAPS}?limit=2&continue={token}");
    let (code, second) = call(&lab, "GET", &next, Value::Null).await;
    assert_eq!(
        (code, &second["metadata"]["resourceVersion"]),
        (200, &page["metadata"]["resourceVersion"])
    );
    for n in 5..15 {
        call(&lab, "POST", MAPS, json!({"metadata": {"name": format!("c{n}")}})).await;
    }
    let (code, status) = call(&lab, "GET", &next, Value::Null).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    assert!(status["message"].as_str().unwrap().contains("continue parameter is too old"));
}

#[tokio::test]
async fn bookmarks_mark_the_end_of_what_was_there_and_how_far_a_watch_is() {
    let limits = Limits { bookmark_every: Duration::from_millis(50), ..Limits::default() };
    let lab = Lab::with(limits).await;
    let query = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut marks = 0;
    let events = watch(&lab, query, |event| {
        marks += usize::from(event["type"] == "BOOKMARK");
        marks == 2
    })
    .await;
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "BOOKMARK", "BOOKMARK"]);
    let end = &events[1]["object"]["metadata"];
    assert_eq!(end["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(events[2]["object"]["metadata"]["annotations"].is_null());
    assert_eq!(events[2]["object"]["metadata"]["resourceVersion"], end["resourceVersion"]);
}

#[tokio::test]
async fn names_are_generated() {
    let lab = Lab::start().await;
    let wish = json!({"metadata": {"generateName": "job-"}});
    let mut names = std::collections::HashSet::new();
    for _ in 0..20 {
        let (code, made) = call(&lab, "POST", MAPS, wish.clone()).await;
        let name = made["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(code == 201 && name.starts_with("job-") && name.len() == 9, "{made}");
        assert!(names.insert(name));
    }
    assert_eq!(call(&lab, "POST", MAPS, json!({"metadata": {}})).await.0, 422);
}

#[tokio::test]
async fn dry_runs_of_every_verb_change_nothing() {
    let lab = Lab::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let labels = json!({"app": "w"});
    let deployment = json!({"metadata": {"name": "w"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}});
    for (path, body) in [
        (MAPS, json!({"metadata": {"name": "c"}, "data": {"k": "1"}})),
        (pods, pod.clone()),
        (deployments, deployment),
        ("/api/v1/namespaces", json!({"metadata": {"name": "n"}})),
    ] {
        assert_eq!(call(&lab, "POST", path, body).await.0, 201, "{path}");
    }
    let read = async || {
        let mut all = Vec::new();
        for path in [MAPS, pods, deployments, "/api/v1/namespaces"] {
            all.push(call(&lab, "GET", path, Value::Null).await.1);
        }
        all
    };
    let before = read().await;
    let map = format!("{MAPS}/c");
    let merge = json!({"data": {"k": "2"}});
    let scale = json!({"spec": {"replicas": 9}, "metadata": {"name": "w"}});
    let binding = json!({"target": {"name": "node-1"}});
    for (method, path, body) in [
        ("POST", MAPS.to_owned(), json!({"metadata": {"name": "new"}})),
        ("PUT", map.clone(), json!({"metadata": {"name": "c"}, "data": {}})),
        ("PATCH", map.clone(), merge),
        ("DELETE", map.clone(), Value::Null),
        ("DELETE", MAPS.to_owned(), Value::Null),
        ("PUT", format!("{deployments}/w/scale"), scale),
        ("PATCH", format!("{deployments}/w/status"), json!({"status": {"replicas": 3}})),
        ("POST", format!("{pods}/p/binding"), binding),
        ("POST", format!("{pods}/p/eviction"), json!({"metadata": {"name": "p"}})),
        (
            "PUT",
            "/api/v1/namespaces/n/finalize".to_owned(),
            json!({"metadata": {"name": "n"}, "spec": {"finalizers": []}}),
        ),
    ] {
        let (code, answer) = call(&lab, method, &format!("{path}?dryRun=All"), body).await;
        assert!((200..300).contains(&code), "{method} {path}: {answer}");
        assert_eq!(read().await, before, "{method} {path}");
    }
    let in_body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    assert_eq!(call(&lab, "DELETE", &map, in_body).await.0, 200);
    assert_eq!(read().await, before, "asked for in the body");
    let (code, _) = call(&lab, "DELETE", &format!("{map}?dryRun=Some"), Value::Null).await;
    assert_eq!(code, 400);
}
