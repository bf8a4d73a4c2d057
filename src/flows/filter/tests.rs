//! Every field of a filter, against one flow that has everything.

use serde_json::json;

use super::{InvalidFilter, Matcher};
use crate::{
    flows::Request,
    hubble::flow::{Flow, FlowFilter},
};

/// An HTTP response from a pod to the outside, over an encrypted path.
fn http() -> Flow {
    serde_json::from_value(json!({
        "time": "2026-11-24T12:00:00.5Z",
        "uuid": "u-1",
        "verdict": "FORWARDED",
        "IP": {"source": "10.244.1.1", "destination": "203.0.113.9", "ipVersion": "IPv4",
            "source_xlated": "192.0.2.1", "encrypted": true},
        "l4": {"TCP": {"source_port": 8080, "destination_port": 41234,
            "flags": {"ACK": true, "PSH": true}}},
        "source": {"identity": 1001, "namespace": "shop", "pod_name": "api-1", "cluster_name": "prod",
            "labels": ["k8s:app=api", "k8s:tier=back"],
            "workloads": [{"name": "api", "kind": "Deployment"}]},
        "destination": {"identity": 9, "labels": ["reserved:world-ipv4"]},
        "Type": "L7",
        "node_name": "prod/n1",
        "node_labels": ["zone=a"],
        "destination_names": ["Client.Example.com."],
        "l7": {"type": "RESPONSE", "http": {"code": 404, "method": "GET",
            "url": "http://api.shop/v1/items?x=1", "headers": [{"key": "a", "value": "b"}]}},
        "event_type": {"type": 129},
        "source_service": {"name": "api", "namespace": "shop"},
        "traffic_direction": "EGRESS",
        "is_reply": true,
        "interface": {"index": 7, "name": "eth0"},
        "trace_context": {"parent": {"trace_id": "t-1"}},
        "ip_trace_id": {"trace_id": "77"},
    }))
    .unwrap()
}

/// A dropped DNS query over IPv6 of which nobody knows whether it is a reply.
fn dns() -> Flow {
    serde_json::from_value(json!({
        "time": "2026-11-24T12:00:00Z",
        "verdict": "DROPPED",
        "drop_reason_desc": "POLICY_DENIED",
        "IP": {"source": "fd00::1", "destination": "fd00::53", "ipVersion": "IPv6"},
        "l4": {"UDP": {"source_port": 5000, "destination_port": 53}},
        "l7": {"dns": {"query": "api.shop.svc."}},
        "event_type": {"type": 1, "sub_type": 133},
        "node_name": "n2",
    }))
    .unwrap()
}

fn request(filter: serde_json::Value) -> Request {
    let filter: FlowFilter = serde_json::from_value(filter).unwrap();
    Request { allow: vec![filter], ..Request::default() }
}

fn matches(filter: serde_json::Value, flow: &Flow) -> bool {
    Matcher::compile(&request(filter)).unwrap().matches(flow)
}

fn cel(expressions: &[&str]) -> serde_json::Value {
    json!({"experimental": {"cel_expression": expressions}})
}

#[test]
fn every_field_narrows_as_hubble_does() {
    for (filter, on_http, on_dns) in [
        (json!({}), true, true),
        (json!({"source_ip": ["10.244.1.1"]}), true, false),
        (json!({"source_ip": ["10.244.0.0/16", "fd00::/64"]}), true, true),
        (json!({"source_ip": ["fd00:0::1"]}), false, true),
        (json!({"destination_ip": ["203.0.113.0/24"]}), true, false),
        (json!({"source_ip_xlated": ["192.0.2.0/24"]}), true, false),
        (json!({"source_pod": ["shop/api"]}), true, false),
        (json!({"source_pod": ["shop/"]}), true, false),
        (json!({"source_pod": ["/api"]}), true, false),
        (json!({"source_pod": ["api"]}), false, false),
        (json!({"destination_pod": ["/"]}), false, false),
        (json!({"source_service": ["shop/ap"]}), true, false),
        (json!({"destination_service": ["shop/"]}), false, false),
        (json!({"destination_fqdn": ["*.example.com"]}), true, false),
        (json!({"destination_fqdn": ["example.com"]}), false, false),
        (json!({"source_fqdn": ["*"]}), false, false),
        (json!({"source_label": ["app=api,tier=back"]}), true, false),
        (json!({"source_label": ["app in (x)", "k8s:tier"]}), true, false),
        (json!({"destination_label": ["reserved:world-ipv4"]}), true, false),
        (json!({"node_labels": ["zone=a"]}), true, false),
        (json!({"source_identity": [1001, 5]}), true, false),
        (json!({"destination_identity": [9]}), true, false),
        (json!({"source_workload": [{"name": "api"}]}), true, false),
        (json!({"source_workload": [{"kind": "DaemonSet"}]}), false, false),
        (json!({"destination_workload": [{}]}), false, false),
        (json!({"source_cluster_name": ["prod"]}), true, false),
        (json!({"destination_cluster_name": ["prod"]}), false, false),
        (json!({"source_port": ["8080"]}), true, false),
        (json!({"destination_port": ["53"]}), false, true),
        (json!({"protocol": ["TCP"]}), true, false),
        (json!({"protocol": ["http", "dns"]}), true, true),
        (json!({"protocol": ["icmp", "vrrp", "igmp", "kafka", "sctp"]}), false, false),
        (json!({"verdict": ["DROPPED"]}), false, true),
        (json!({"drop_reason_desc": ["POLICY_DENIED"]}), false, true),
        (json!({"event_type": [{"type": 129}]}), true, false),
        (json!({"event_type": [{"match_sub_type": true, "sub_type": 133}]}), false, true),
        (json!({"event_type": [{"type": 1, "match_sub_type": true}]}), false, false),
        (json!({"traffic_direction": ["EGRESS"]}), true, false),
        (json!({"ip_version": ["IPv6"]}), false, true),
        (json!({"tcp_flags": [{"ACK": true}]}), true, false),
        (json!({"tcp_flags": [{"ACK": true, "SYN": true}, {"PSH": true}]}), true, false),
        (json!({"reply": [true]}), true, false),
        (json!({"reply": [false]}), false, true),
        (json!({"node_name": ["prod/"]}), true, false),
        (json!({"node_name": ["default/n*"]}), false, true),
        (json!({"interface": [{"name": "eth0"}]}), true, false),
        (json!({"interface": [{"name": "eth0", "index": 8}]}), false, false),
        (json!({"encrypted": [true]}), true, false),
        (json!({"trace_id": ["t-1"]}), true, false),
        (json!({"ip_trace_id": ["77"]}), true, false),
        (json!({"uuid": ["u-1", "u-2"]}), true, false),
        (json!({"dns_query": ["shop\\.svc"]}), false, true),
        (json!({"http_status_code": ["404"]}), true, false),
        (json!({"http_status_code": ["4+"], "event_type": [{"type": 129}]}), true, false),
        (json!({"http_status_code": ["41+", "5+"]}), false, false),
        (json!({"http_method": ["get"]}), true, false),
        (json!({"http_path": ["^/v1/items$"]}), true, false),
        (json!({"http_url": ["^http://api"]}), true, false),
        (json!({"http_header": [{"key": "a", "value": "b"}]}), true, false),
        (json!({"http_header": [{"key": "a", "value": "c"}]}), false, false),
        (json!({"source_ip": ["10.244.1.1"], "verdict": ["DROPPED"]}), false, false),
        (cel(&["has(_flow.l4.TCP)"]), true, false),
        (cel(&["_flow.l7.http.code >= 400u", "_flow.l7.dns.query != ''"]), true, true),
        (cel(&["1 / 0 == 1", "_flow.is_reply == null"]), false, true),
        (json!({"experimental": {}}), true, true),
        (
            json!({"verdict": ["DROPPED"], "experimental": {"cel_expression": ["true"]}}),
            false,
            true,
        ),
    ] {
        assert_eq!(matches(filter.clone(), &http()), on_http, "{filter} on HTTP");
        assert_eq!(matches(filter.clone(), &dns()), on_dns, "{filter} on DNS");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name_and_value() {
    for (filter, field, value) in [
        (json!({"source_ip": ["10.0.0.0/99"]}), "source_ip", "10.0.0.0/99"),
        (json!({"destination_ip": ["somewhere"]}), "destination_ip", "somewhere"),
        (json!({"source_pod": [""]}), "source_pod", ""),
        (json!({"source_label": ["a in b"]}), "source_label", "a in b"),
        (json!({"node_labels": ["=x"]}), "node_labels", "=x"),
        (json!({"source_port": ["http"]}), "source_port", "http"),
        (json!({"destination_port": ["70000"]}), "destination_port", "70000"),
        (json!({"protocol": ["quic"]}), "protocol", "quic"),
        (json!({"source_fqdn": ["a(b"]}), "source_fqdn", "a(b"),
        (json!({"source_cluster_name": [""]}), "source_cluster_name", ""),
        (json!({"dns_query": ["("]}), "dns_query", "("),
        (json!({"http_path": ["(?=x)"]}), "http_path", "(?=x)"),
        (json!({"http_url": ["(a{1000}){1000}"]}), "http_url", "(a{1000}){1000}"),
        (json!({"http_status_code": ["4++"]}), "http_status_code", "4++"),
        (json!({"http_status_code": ["40"]}), "http_status_code", "40"),
        (json!({"http_method": ["GET"], "event_type": [{"type": 1}]}), "http_method", "1"),
        (
            json!({"experimental": {"cel_expression": ["true", "_flow.verdict = 1"]}}),
            "experimental.cel_expression",
            "_flow.verdict = 1\": column 15",
        ),
    ] {
        let error = Matcher::compile(&request(filter.clone())).expect_err("refused").to_string();
        assert!(error.contains(field) && error.contains(value), "{filter}: {error}");
    }
    let unknown = FlowFilter { verdict: vec![99], ..FlowFilter::default() };
    let unknown = Request { deny: vec![unknown], ..Request::default() };
    let error = Matcher::compile(&unknown).expect_err("refused").to_string();
    assert_eq!(error, "verdict: \"99\" is not the number of a verdict");
}

#[test]
fn a_reader_cannot_make_every_flow_expensive() {
    let many = Request { allow: vec![FlowFilter::default(); 100_000], ..Request::default() };
    assert!(matches!(Matcher::compile(&many), Err(InvalidFilter::TooMany { count: 100_000, .. })));
    let long = FlowFilter { uuid: vec![String::new(); 100_000], ..FlowFilter::default() };
    let long = Request { allow: vec![long], ..Request::default() };
    assert!(matches!(Matcher::compile(&long), Err(InvalidFilter::TooLong { field: "uuid", .. })));
    let expressions = serde_json::from_value::<FlowFilter>(cel(&["true"; 40])).unwrap();
    let two =
        Request { allow: vec![expressions.clone()], deny: vec![expressions], ..request(json!({})) };
    let error = Matcher::compile(&two).expect_err("refused").to_string();
    assert_eq!(error, "80 expressions, but at most 64 are allowed");
}

#[test]
fn unknown_members_of_a_filter_are_not_overlooked() {
    assert!(serde_json::from_str::<FlowFilter>(r#"{"source_planet": ["mars"]}"#).is_err());
    assert!(serde_json::from_str::<Flow>(r#"{"planet": "mars", "verdict": "FORWARDED"}"#).is_ok());
}

/// Expressions look at what has to be made first, and only when nothing else decides.
#[test]
fn expressions_narrow_what_passes_the_rest_and_hide_what_is_denied() {
    let deny: FlowFilter = serde_json::from_value(cel(&["_flow.IP.encrypted"])).unwrap();
    let deny = Matcher::compile(&Request { deny: vec![deny], ..Request::default() }).unwrap();
    assert!(!deny.matches(&http()) && deny.matches(&dns()));
}
