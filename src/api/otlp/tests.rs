//! Names and numbers that collectors expect, and what is made of their answers.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use prost::Message;
use serde_json::json;

use super::{
    Collector, SendError, Source, Target, log,
    logs::{
        AnyValue, ArrayValue, ExportRequest, ExportResponse, KeyValue, LogRecord, PartialSuccess,
        Resource, ResourceLogs, Scope, ScopeLogs, SeverityNumber, any_value::Value,
    },
    receiver::{Answer, Receiver},
};
use crate::{
    flows::Observed,
    hubble::{
        flow::{Flow, LostEvent, LostEventSource},
        wire::{Raw, parts},
    },
};

/// Fields of an encoded message: numbers, and whether their size is fixed.
fn numbers(message: &impl Message) -> Vec<(u32, bool)> {
    let bytes = message.encode_to_vec();
    let mut all: Vec<_> =
        parts(&bytes).map(|part| (part.number, matches!(part.value, Raw::Fixed(_)))).collect();
    all.sort_unstable();
    all
}

fn any(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

/// Numbers of opentelemetry-proto 1.x: `common.proto`, `resource.proto`, `logs.proto`, `logs_service.proto`.
#[test]
fn numbers_on_the_wire_are_opentelemetrys() {
    let word = || "x".to_owned();
    let pair = KeyValue { key: word(), value: any(Value::BoolValue(true)) };
    let record = LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 2,
        severity_number: SeverityNumber::Warn.into(),
        severity_text: word(),
        body: any(Value::StringValue(word())),
        attributes: vec![pair.clone()],
        event_name: word(),
    };
    let fixed = |numbers: &[u32]| numbers.iter().map(|n| (*n, true)).collect::<Vec<_>>();
    let plain = |numbers: &[u32]| numbers.iter().map(|n| (*n, false)).collect::<Vec<_>>();
    let mut expected = [fixed(&[1, 11]), plain(&[2, 3, 5, 6, 12])].concat();
    expected.sort_unstable();
    assert_eq!(numbers(&record), expected);
    assert_eq!(numbers(&pair), plain(&[1, 2]));
    for (value, number) in [
        (Value::StringValue(word()), 1),
        (Value::BoolValue(true), 2),
        (Value::IntValue(1), 3),
        (Value::ArrayValue(ArrayValue::default()), 5),
    ] {
        assert_eq!(numbers(&AnyValue { value: Some(value) }), plain(&[number]));
    }
    assert_eq!(numbers(&ArrayValue { values: vec![AnyValue::default()] }), plain(&[1]));
    assert_eq!(numbers(&Resource { attributes: vec![pair] }), plain(&[1]));
    assert_eq!(numbers(&Scope { name: word(), version: word() }), plain(&[1, 2]));
    let scope = Some(Scope::default());
    let scope = ScopeLogs { scope, log_records: vec![record], schema_url: word() };
    assert_eq!(numbers(&scope), plain(&[1, 2, 3]));
    let resource = Some(Resource::default());
    let logs = ResourceLogs { resource, scope_logs: vec![scope], schema_url: word() };
    assert_eq!(numbers(&logs), plain(&[1, 2, 3]));
    assert_eq!(numbers(&ExportRequest { resource_logs: vec![logs] }), plain(&[1]));
    let partial = PartialSuccess { rejected_log_records: 1, error_message: word() };
    assert_eq!(numbers(&partial), plain(&[1, 2]));
    assert_eq!(numbers(&ExportResponse { partial_success: Some(partial) }), plain(&[1]));
    let severities = [SeverityNumber::Info, SeverityNumber::Warn, SeverityNumber::Error];
    assert_eq!(severities.map(i32::from), [9, 13, 17]);
}

fn plain(value: AnyValue) -> serde_json::Value {
    match value.value.expect("it says something") {
        Value::StringValue(text) => text.into(),
        Value::BoolValue(yes) => yes.into(),
        Value::IntValue(number) => number.into(),
        Value::ArrayValue(list) => list.values.into_iter().map(plain).collect(),
    }
}

/// Returns attributes, whose keys must be unique.
fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, serde_json::Value> {
    let count = list.len();
    let all: BTreeMap<_, _> =
        list.into_iter().map(|pair| (pair.key, plain(pair.value.expect("a value")))).collect();
    assert_eq!(all.len(), count, "keys are unique: {all:?}");
    all
}

fn record(flow: serde_json::Value) -> LogRecord {
    let flow: Flow = serde_json::from_value(flow).expect("a flow");
    log(&Observed::Flow(Box::new(flow)), "2026-11-24T12:00:01Z".parse().expect("a time"))
}

#[test]
fn a_flow_is_told_in_the_words_of_conventions() {
    let record = record(json!({
        "time": "2026-11-24T12:00:00.5Z",
        "uuid": "u-1",
        "verdict": "DROPPED",
        "drop_reason_desc": "POLICY_DENIED",
        "IP": {"source": "fd00::1", "destination": "fd00::2", "ipVersion": "IPv6"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 443, "flags": {"SYN": true}}},
        "source": {"identity": 1001, "namespace": "shop", "pod_name": "front-1",
            "cluster_name": "prod", "labels": ["k8s:app=front"],
            "workloads": [{"name": "front", "kind": "Deployment"}]},
        "destination": {"identity": 2},
        "event_type": {"type": 5, "sub_type": 0},
        "traffic_direction": "EGRESS",
        "is_reply": false,
        "interface": {"index": 3, "name": "eth0"},
        "egress_denied_by": [{"name": "deny", "namespace": "shop", "kind": "CiliumNetworkPolicy"}],
        "Summary": "TCP Flags: SYN",
    }));
    assert_eq!(record.time_unix_nano, 1_795_521_600_500_000_000);
    assert_eq!(record.observed_time_unix_nano, 1_795_521_601_000_000_000);
    assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "WARN"));
    assert_eq!(record.event_name, "hubble.flow");
    let body = "shop/front-1:40000 -> [fd00::2]:443 DROPPED POLICY_DENIED (TCP Flags: SYN)";
    assert_eq!(plain(record.body.expect("a body")), body);
    let expected = json!({
        "log.record.uid": "u-1",
        "source.address": "fd00::1",
        "source.port": 40000,
        "destination.address": "fd00::2",
        "destination.port": 443,
        "network.transport": "tcp",
        "network.type": "ipv6",
        "network.interface.name": "eth0",
        "source.k8s.namespace.name": "shop",
        "source.k8s.pod.name": "front-1",
        "source.k8s.cluster.name": "prod",
        "source.k8s.workload.name": "front",
        "source.k8s.workload.kind": "Deployment",
        "hubble.source.identity": 1001,
        "hubble.source.labels": ["k8s:app=front"],
        "hubble.destination.identity": 2,
        "hubble.verdict": "DROPPED",
        "hubble.drop_reason": "POLICY_DENIED",
        "hubble.event.type": 5,
        "hubble.event.sub_type": 0,
        "hubble.traffic_direction": "egress",
        "hubble.is_reply": false,
        "hubble.tcp.flags": ["SYN"],
        "hubble.egress_denied_by": ["CiliumNetworkPolicy shop/deny"],
    });
    assert_eq!(serde_json::to_value(attributes(record.attributes)).expect("JSON"), expected);
}

#[test]
fn what_a_flow_does_not_tell_is_not_there() {
    let nothing = record(json!({}));
    assert_eq!((nothing.time_unix_nano, nothing.attributes.len()), (0, 0));
    assert_eq!(nothing.severity_text, "INFO");
    let lost = LostEvent {
        source: LostEventSource::HubbleRingBuffer.into(),
        num_events_lost: 7,
        ..LostEvent::default()
    };
    let lost = log(&Observed::Lost(lost), Timestamp::UNIX_EPOCH);
    assert_eq!(plain(lost.body.expect("a body")), "7 events were lost");
    let expected = json!({
        "hubble.lost_events.count": 7,
        "hubble.lost_events.source": "HUBBLE_RING_BUFFER",
    });
    assert_eq!(serde_json::to_value(attributes(lost.attributes)).expect("JSON"), expected);
}

fn target(endpoint: &str, headers: &[(&str, &str)]) -> Result<Target, super::InvalidEndpoint> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Target::new(endpoint.to_owned(), headers.collect(), Duration::from_secs(20), None)
}

#[test]
fn endpoints_are_urls_with_a_port() {
    for endpoint in ["http://a:4317", "https://[fd00::1]:4317/", "http://127.0.0.1:1"] {
        assert!(target(endpoint, &[]).is_ok(), "{endpoint}");
    }
    for endpoint in ["a:4317", "http://a", "grpc://a:1", "http://a:0", "http://a:1/v1/logs", ""] {
        let error = target(endpoint, &[]).expect_err(endpoint).to_string();
        assert!(error.contains("is not http://HOST:PORT"), "{error}");
    }
    let error = target("http://a:1", &[("a b", "c")]).expect_err("a space").to_string();
    assert!(error.contains("\"a b\""), "{error}");
    let secret = target("http://a:1", &[("authorization", "s3cr3t")]).expect("a target");
    assert!(!format!("{secret:?}").contains("s3cr3t"));
}

fn collector(at: &Receiver) -> Collector {
    let target = target(&format!("http://{}", at.address), &[("X-Tenant", "blue")]);
    let source = Source { node: "n1".into(), cluster: "prod".into() };
    Collector::new(&target.expect("a target"), source.into())
}

#[tokio::test]
async fn records_come_with_their_source_and_headers() {
    let mut receiver = Receiver::anywhere(&[]).await;
    let sent = vec![record(json!({"uuid": "u-1"})), record(json!({"uuid": "u-2"}))];
    let answer = collector(&receiver).send(sent.clone()).await.expect("it is taken");
    assert_eq!(answer, (0, String::new()));
    let got = receiver.next().await;
    assert_eq!(got.records(), sent);
    assert_eq!(got.headers["x-tenant"], "blue");
    let logs = &got.request.resource_logs[0];
    let resource = attributes(logs.resource.clone().expect("a resource").attributes);
    assert_eq!(resource["service.name"], "skep");
    assert_eq!(resource["k8s.node.name"], "n1");
    assert_eq!(resource["k8s.cluster.name"], "prod");
    assert_eq!(logs.scope_logs[0].scope.as_ref().expect("a scope").name, "skep");
}

#[tokio::test]
async fn answers_say_whether_another_try_makes_sense() {
    let orders = [
        Answer::Reject(3),
        Answer::AWAY,
        Answer::full(Duration::from_millis(1500)),
        Answer::INVALID,
    ];
    let receiver = Receiver::anywhere(&orders).await;
    let mut collector = collector(&receiver);
    let mut send = async || collector.send(vec![record(json!({}))]).await;
    assert_eq!(send().await.expect("some are taken"), (3, "too many attributes".to_owned()));
    assert!(matches!(send().await, Err(SendError::Later { after: None, .. })));
    match send().await {
        Err(SendError::Later { after, .. }) => assert_eq!(after, Some(Duration::from_millis(1500))),
        other => panic!("{other:?}"),
    }
    match send().await {
        Err(SendError::Never(reason)) => assert!(reason.contains("as told"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_another_try() {
    let receiver = Receiver::anywhere(&[]).await;
    let mut collector = collector(&receiver);
    drop(receiver);
    // The port may be open for a moment more.
    let end = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        match collector.send(Vec::new()).await {
            Err(SendError::Later { reason, .. }) if reason.contains("refused") => break,
            Ok(_) | Err(SendError::Later { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        assert!(std::time::Instant::now() < end, "the connection is refused");
    }
}
