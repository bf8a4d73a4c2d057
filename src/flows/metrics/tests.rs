//! What is counted, by whom, and when it goes.

use std::{sync::Arc, time::Duration};

use prometheus_client::registry::Registry;

use super::*;
use crate::{
    events::{Direction, Event, EventKind, L4, Observation, Peer, TcpFlags, Totals},
    flows::{PeerInfo, Record, Resolve, RuleInfo, RuleMatch, talks::Talks},
    hubble::flow::{LostEventSource, Workload},
    model::{DropReason, Identity, IfIndex, MacAddr},
};

/// A client in a pod and a server in another, and the outside.
struct Names;

const CLIENT: &str = "10.0.0.1";
const SERVER: &str = "10.0.0.2";
/// A pod of another node.
const FAR: &str = "10.0.1.1";
const WORLD: &str = "203.0.113.7";

impl Resolve for Names {
    fn address(&self, address: std::net::IpAddr) -> Option<Arc<PeerInfo>> {
        let (pod, app, identity) = match address.to_string().as_str() {
            CLIENT => ("client-7d4b9-x2x4z", "client", 300),
            SERVER => ("web-0", "web", 301),
            FAR => ("far-0", "far", 302),
            _ => return None,
        };
        Some(Arc::new(PeerInfo {
            identity: Some(Identity(identity)),
            endpoint_id: if app == "far" { 0 } else { 7 },
            labels: vec![format!("k8s:app={app}"), "k8s:team=a".into()],
            namespace: "shop".into(),
            pod: pod.into(),
            workload: Some(Workload { name: app.into(), kind: "Deployment".into() }),
            ..PeerInfo::default()
        }))
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }

    fn rule(&self, _: u32) -> Option<Arc<RuleInfo>> {
        let matched = RuleMatch::L3L4;
        Some(Arc::new(RuleInfo { policies: vec![], path: "spec.ingress[0]".into(), matched }))
    }
}

fn peer(address: &str, port: u16) -> Peer {
    let identity = match address {
        CLIENT => Identity(300),
        SERVER => Identity(301),
        _ => Identity::WORLD_V4,
    };
    let address = Some(address.parse().expect("an address"));
    Peer { address, port: Some(port), identity, mac: MacAddr::default() }
}

fn event(kind: EventKind, flags: TcpFlags, from: &str, to: &str) -> Event {
    Event {
        time: Duration::ZERO,
        kind,
        observation: Observation::ToEndpoint,
        direction: Direction::Ingress,
        source: peer(from, 40_000),
        destination: peer(to, 8080),
        translated_source: None,
        service: None,
        l4: Some(L4::Tcp(flags)),
        ip_version: Some(4),
        ether_type: 0x800,
        reply: matches!(kind, EventKind::Open).then_some(false),
        related: false,
        endpoint: None,
        device: IfIndex(0),
        length: 60,
        rule: None,
        vni: None,
        totals: Totals::default(),
    }
}

fn count(specs: &str, events: &[Event]) -> FlowMetrics {
    let metrics = FlowMetrics::new(&specs.parse().expect("metrics"));
    let records: Vec<_> = events
        .iter()
        .map(|event| Arc::new(Record::new(event.clone(), &Names, &mut Talks::default())))
        .collect();
    metrics.count(&records);
    metrics
}

/// The series that are not zero, sorted.
fn told(metrics: FlowMetrics) -> Vec<String> {
    let mut registry = Registry::with_prefix("hubble");
    registry.register_collector(Box::new(Arc::new(metrics)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a text");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn every_metric_has_the_labels_of_hubble() {
    let open = event(EventKind::Open, TcpFlags::SYN, CLIENT, SERVER);
    let drop = EventKind::Drop(DropReason::PolicyDenied);
    let denied = event(drop, TcpFlags::SYN, CLIENT, SERVER);
    let all = MetricSpecs::default().to_string();
    assert_eq!(
        told(count(&all, &[open.clone(), open, denied])),
        [
            r#"hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"} 2"#,
            r#"hubble_flows_processed_total{protocol="TCP",type="Drop",subtype="",verdict="DROPPED"} 1"#,
            r#"hubble_flows_processed_total{protocol="TCP",type="PolicyVerdict",subtype="",verdict="DROPPED"} 1"#,
            r#"hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-endpoint",verdict="FORWARDED"} 2"#,
            r#"hubble_policy_verdicts_total{direction="ingress",match="none",action="dropped"} 1"#,
            r#"hubble_port_distribution_total{protocol="TCP",port="8080"} 2"#,
            r#"hubble_tcp_flags_total{flag="SYN",family="IPv4"} 2"#,
        ]
    );
}

#[test]
fn ends_are_named_by_the_first_way_that_has_a_name() {
    let open = event(EventKind::Open, TcpFlags::SYN, CLIENT, SERVER);
    let out = event(EventKind::Open, TcpFlags::SYN, CLIENT, WORLD);
    for (options, labels) in [
        ("sourceContext=pod", r#"source="shop/client-7d4b9-x2x4z""#),
        ("sourceContext=pod-name", r#"source="client-7d4b9-x2x4z""#),
        ("sourceContext=workload", r#"source="shop/client""#),
        ("sourceContext=dns|workload-name", r#"source="client""#),
        ("sourceContext=namespace", r#"source="shop""#),
        ("sourceContext=app|pod", r#"source="client""#),
        ("sourceContext=identity", r#"source="k8s:app=client,k8s:team=a""#),
        ("sourceContext=ip;sourceIngressContext=app", r#"source="client""#),
        ("sourceContext=ip;sourceEgressContext=app", r#"source="10.0.0.1""#),
        (
            "labelsContext=traffic_direction,destination_workload_kind,source_ip",
            r#"source_ip="10.0.0.1",destination_workload_kind="Deployment",traffic_direction="ingress""#,
        ),
    ] {
        let line = format!(r#"hubble_tcp_flags_total{{flag="SYN",family="IPv4",{labels}}} 1"#);
        assert_eq!(told(count(&format!("tcp:{options}"), std::slice::from_ref(&open))), [line]);
    }
    let to = "flows-to-world:port;syn-only;destinationContext=pod|reserved-identity";
    let line = r#"hubble_flows_to_world_total{protocol="TCP",verdict="FORWARDED",port="8080",destination="reserved:world-ipv4"} 1"#;
    assert_eq!(told(count(to, &[open, out])), [line]);
}

#[test]
fn what_policies_keep_from_the_world_counts_as_going_there() {
    let to_world = |options: &str, reason| {
        let drop = event(EventKind::Drop(reason), TcpFlags::SYN, CLIENT, WORLD);
        told(count(&format!("flows-to-world{options}"), &[drop]))
    };
    // What a policy drops is two flows.
    let twice = [r#"hubble_flows_to_world_total{protocol="TCP",verdict="DROPPED"} 2"#];
    for denied in [DropReason::PolicyDenied, DropReason::ProxyMissing] {
        assert_eq!(to_world("", denied), twice, "{denied:?}");
    }
    assert_eq!(to_world("", DropReason::PolicyDeny), Vec::<String>::new());
    assert_eq!(to_world(":any-drop", DropReason::PolicyDeny), twice);
}

#[test]
fn verdicts_say_what_the_rule_looks_at() {
    let mut allowed = event(EventKind::Allowed, TcpFlags::SYN, CLIENT, SERVER);
    allowed.rule = Some(7);
    let of_host = Peer { identity: Identity::HOST, ..allowed.source };
    let from_host = Event { source: of_host, ..allowed.clone() };
    let line =
        r#"hubble_policy_verdicts_total{direction="ingress",match="l3-l4",action="forwarded"} 1"#;
    assert_eq!(told(count("policy", &[allowed, from_host])), [line], "without those of nodes");
}

#[test]
fn series_of_a_pod_go_at_the_second_look_after_it() {
    let open = event(EventKind::Open, TcpFlags::SYN, CLIENT, SERVER);
    let metrics = count("tcp:sourceContext=pod drop flow", &[open]);
    let is_there = |pod: &PeerInfo| pod.pod != "client-7d4b9-x2x4z";
    metrics.forget(|_| true);
    metrics.forget(is_there);
    let alive = |metrics: &FlowMetrics| format!("{metrics:?}").contains("client-7d4b9");
    assert!(alive(&metrics), "somebody may have to read it once more");
    metrics.forget(is_there);
    assert!(!alive(&metrics));
    assert_eq!(told(metrics).len(), 1, "flows were not counted by pods");
}

#[test]
fn what_there_is_no_room_for_is_counted_together() {
    let mut series = series::Series::new(2, 2);
    for value in ["a", "b", "c", "d", "a"] {
        let mut key = key::Key::default();
        ["x", value].into_iter().for_each(|value| key.push(value));
        series.add(&key, 1, Vec::new);
    }
    let mut all: Vec<_> = series.iter().map(|(values, count)| (values.join("/"), count)).collect();
    all.sort();
    let expected = [("other/other", 2), ("x/a", 2), ("x/b", 1)];
    assert_eq!(all, expected.map(|(values, count)| (values.to_owned(), count)));
}

#[test]
fn losses_are_told_even_when_there_are_none() {
    let metrics = count("", &[]);
    metrics.lose(3, LostEventSource::PerfEventRingBuffer);
    assert_eq!(told(metrics), [r#"hubble_lost_events_total{source="perf_event_ring_buffer"} 3"#]);
}

#[test]
fn lists_are_read_and_nonsense_is_named() {
    let specs: MetricSpecs = "dns drop:sourceContext=pod httpV2".parse().expect("known names");
    assert_eq!((specs.metrics.len(), specs.silent), (1, vec!["dns".into(), "httpV2".into()]));
    for (text, said) in [
        ("drops", r#"there is no metric "drops"; there are drop, flow, flows-to-world, icmp,"#),
        ("drop drop", "metric drop is there twice"),
        ("drop:port", r#"metric drop has no option "port""#),
        ("drop:sourceContext=pods", r#""pods" is no value of option sourceContext; there are ide"#),
        ("drop:labelsContext=a", r#""a" is no value of option labelsContext; there are source_ip"#),
    ] {
        let error = text.parse::<MetricSpecs>().expect_err(text).to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

/// A connection of `from` to `to`, that far along.
fn totals(kind: EventKind, (from, to): (&str, &str), sent: u64, received: u64) -> Event {
    let totals = Totals { tx_packets: 1, tx_bytes: sent, rx_packets: 1, rx_bytes: received };
    Event { totals, reply: Some(false), ..event(kind, TcpFlags(0), from, to) }
}

fn answer(event: Event) -> Event {
    let (source, destination) = (event.destination, event.source);
    Event { source, destination, reply: Some(true), ..event }
}

#[test]
fn bytes_are_counted_once_by_who_opened_the_connection() {
    use EventKind::{Close, News, Open, Report};
    let there = (CLIENT, SERVER);
    let events = [
        totals(Open, there, 60, 0),
        answer(totals(News, there, 60, 50)),
        totals(Report, there, 1060, 5050),
        answer(totals(Close, there, 2000, 6000)),
        totals(News, there, 2040, 6000),
        // The same ports again.
        totals(Open, there, 100, 0),
    ];
    assert_eq!(
        told(count("traffic", &events)),
        [
            r#"hubble_traffic_bytes_total{protocol="TCP",direction="received",source="shop/client",destination="shop/web"} 6000"#,
            r#"hubble_traffic_bytes_total{protocol="TCP",direction="sent",source="shop/client",destination="shop/web"} 2100"#,
        ]
    );
    let older = [totals(News, there, 9000, 9000), totals(News, there, 9100, 9010)];
    let sides = "traffic:sourceContext=namespace";
    assert_eq!(
        told(count(sides, &older)),
        [
            r#"hubble_traffic_bytes_total{protocol="TCP",direction="received",source="shop"} 10"#,
            r#"hubble_traffic_bytes_total{protocol="TCP",direction="sent",source="shop"} 100"#,
        ],
        "what an earlier agent counted is not counted again"
    );
    let other_node = [totals(Open, (FAR, SERVER), 60, 0)];
    assert!(told(count("traffic", &other_node)).is_empty(), "the client's node counts");
    let from_outside = [totals(Open, (WORLD, SERVER), 60, 0)];
    assert_eq!(
        told(count("traffic", &from_outside)),
        [
            r#"hubble_traffic_bytes_total{protocol="TCP",direction="sent",source="reserved:world-ipv4",destination="shop/web"} 60"#
        ]
    );
}
