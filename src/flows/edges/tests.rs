use super::{Cause, Edges, Party};
use crate::hubble::flow::{
    CiliumEventType, DropReason, Endpoint, Flow, Ip, Layer4, Policy, Tcp, TcpFlags, Udp, Verdict,
    Workload, layer4::Protocol,
};

fn pod(name: &str) -> Endpoint {
    Endpoint {
        identity: 1001,
        namespace: "shop".into(),
        pod_name: format!("{name}-1"),
        workloads: vec![Workload { name: name.into(), kind: "Deployment".into() }],
        ..Endpoint::default()
    }
}

fn world() -> Endpoint {
    Endpoint { identity: 9, ..Endpoint::default() }
}

fn tcp(ports: (u32, u32)) -> Option<Layer4> {
    let (source_port, destination_port) = ports;
    let tcp = Tcp { source_port, destination_port, ..Tcp::default() };
    Some(Layer4 { protocol: Some(Protocol::Tcp(tcp)) })
}

fn with_flags(ports: (u32, u32), syn: bool, ack: bool) -> Option<Layer4> {
    let (source_port, destination_port) = ports;
    let flags = Some(TcpFlags { syn, ack, ..TcpFlags::default() });
    let tcp = Tcp { source_port, destination_port, flags };
    Some(Layer4 { protocol: Some(Protocol::Tcp(tcp)) })
}

fn udp(ports: (u32, u32)) -> Option<Layer4> {
    let (source_port, destination_port) = ports;
    Some(Layer4 { protocol: Some(Protocol::Udp(Udp { source_port, destination_port })) })
}

fn flow(source: Endpoint, destination: Endpoint, l4: Option<Layer4>) -> Flow {
    Flow {
        source: Some(source),
        destination: Some(destination),
        l4,
        verdict: Verdict::Forwarded.into(),
        is_reply: Some(false),
        event_type: Some(CiliumEventType { r#type: CiliumEventType::TRACE, sub_type: 0 }),
        ..Flow::default()
    }
}

fn shown(edges: &Edges) -> Vec<String> {
    edges
        .iter()
        .map(|(edge, counts)| {
            let port = edge.port.map_or("-".to_owned(), |port| port.to_string());
            let (source, destination) = (&edge.source, &edge.destination);
            let (flows, dropped) = (counts.flows, counts.dropped());
            format!("{source} > {destination} {port}/{} {flows}:{dropped}", edge.protocol)
        })
        .collect()
}

fn edges(flows: impl IntoIterator<Item = Flow>) -> Edges {
    let mut edges = Edges::default();
    flows.into_iter().for_each(|flow| edges.add(&flow));
    edges
}

#[test]
fn both_ways_of_a_connection_are_one_edge_at_the_servers_port() {
    let there = flow(pod("web"), pod("api"), tcp((40_000, 8080)));
    let back = Flow { is_reply: Some(true), ..flow(pod("api"), pod("web"), tcp((8080, 40_000))) };
    assert_eq!(shown(&edges([there, back])), ["shop/web > shop/api 8080/TCP 2:0"]);
}

#[test]
fn the_server_of_a_packet_that_met_no_connection_is_told_from_flags_and_ports() {
    for (l4, edge) in [
        (with_flags((80, 50_000), true, false), "shop/web > shop/api 50000/TCP 1:0"),
        (with_flags((50_000, 40_000), true, true), "shop/api > shop/web 50000/TCP 1:0"),
        (udp((40_000, 53)), "shop/web > shop/api 53/UDP 1:0"),
        (udp((53, 40_000)), "shop/api > shop/web 53/UDP 1:0"),
        (udp((45_000, 40_000)), "shop/web > shop/api -/UDP 1:0"),
        (None, "shop/web > shop/api -/ 1:0"),
    ] {
        let flow = Flow { is_reply: None, ..flow(pod("web"), pod("api"), l4) };
        assert_eq!(shown(&edges([flow])), [edge]);
    }
}

#[test]
fn ephemeral_ports_and_sweeps_do_not_explode() {
    let replies = (0..500).map(|n| Flow {
        is_reply: Some(true),
        ..flow(pod("api"), pod("web"), tcp((8080, 32_768 + n)))
    });
    assert_eq!(shown(&edges(replies)), ["shop/web > shop/api 8080/TCP 500:0"]);
    let sweep = edges((0..500).map(|n| flow(pod("web"), pod("api"), tcp((40_000, 1 + n)))));
    assert_eq!(sweep.iter().count(), 33);
    assert_eq!(sweep.iter().map(|(_, counts)| counts.flows).sum::<u64>(), 500);
    assert_eq!(shown(&sweep)[0], "shop/web > shop/api -/TCP 468:0");
}

#[test]
fn there_are_only_so_many_edges() {
    let mut edges = Edges::with_limit(2);
    for name in ["a", "b", "c", "a"] {
        edges.add(&flow(pod(name), pod("api"), tcp((40_000, 80))));
    }
    assert_eq!(shown(&edges).len(), 2);
    assert_eq!(edges.left_out(), 1);
}

#[test]
fn parties_are_what_people_call_them() {
    let address = |text: &str| Some(Ip { source: text.into(), ..Ip::default() });
    let cidr = Endpoint {
        identity: (1 << 24) | 77,
        labels: ["cidr:10.0.0.0/8", "cidr:10.1.0.0/16", "reserved:world"].map(str::to_owned).into(),
        ..Endpoint::default()
    };
    let lonely = Endpoint { namespace: "a".into(), pod_name: "b".into(), ..Endpoint::default() };
    let from = |source: Endpoint| flow(source, pod("api"), None);
    for (flow, party) in [
        (from(pod("web")), "Deployment shop/web"),
        (from(lonely), "Pod a/b"),
        (from(world()), "Reserved world"),
        (
            Flow { source_names: vec!["api.example.com.".into()], ..from(world()) },
            "Name api.example.com",
        ),
        (from(Endpoint { identity: 1, ..Endpoint::default() }), "Reserved host"),
        (from(cidr), "Address 10.1.0.0/16"),
        (Flow { ip: address("10.2.3.4"), ..from(Endpoint::default()) }, "Address 10.2.3.4"),
        (from(Endpoint::default()), "Reserved unknown"),
    ] {
        let sender = Party::sender(&flow);
        assert_eq!(format!("{} {sender}", sender.kind()), party);
    }
}

/// A verdict and the drop that follows.
fn refused(policy: &str) -> [Flow; 2] {
    let denied = Flow {
        verdict: Verdict::Dropped.into(),
        drop_reason_desc: DropReason::PolicyDenied.into(),
        is_reply: None,
        ingress_denied_by: vec![Policy {
            kind: "NetworkPolicy".into(),
            namespace: "shop".into(),
            name: policy.into(),
            ..Policy::default()
        }],
        ..flow(pod("web"), pod("api"), with_flags((40_000, 80), true, false))
    };
    [CiliumEventType::POLICY_VERDICT, CiliumEventType::DROP].map(|r#type| Flow {
        event_type: Some(CiliumEventType { r#type, sub_type: 133 }),
        ..denied.clone()
    })
}

#[test]
fn a_refused_packet_is_two_flows_and_one_drop() {
    let edges = edges(refused("deny").into_iter().chain(refused("deny")));
    assert_eq!(shown(&edges), ["shop/web > shop/api 80/TCP 4:2"]);
    let reasons = edges.reasons();
    let [(Cause { reason, policy }, reason_count)] = &reasons[..] else { panic!("{reasons:?}") };
    assert_eq!((reason.as_str(), policy.as_str()), ("POLICY_DENIED", "NetworkPolicy shop/deny"));
    assert_eq!((reason_count.drops.packets(), reason_count.edges), (2, 1));
    let policies = edges.policies();
    assert_eq!(policies[0].0, "NetworkPolicy shop/deny");
    assert_eq!((policies[0].1.denied, policies[0].1.edges), (2, 1));
}

#[test]
fn workloads_are_told_from_both_ends() {
    let edges = edges([
        flow(pod("web"), pod("api"), tcp((40_000, 80))),
        flow(pod("web"), pod("api"), tcp((40_000, 81))),
        flow(pod("web"), world(), tcp((40_000, 443))),
        flow(pod("web"), pod("web"), tcp((40_000, 9090))),
    ]);
    let loads: Vec<String> = edges
        .workloads()
        .iter()
        .map(|(party, load)| {
            format!("{party} {}/{} peers {}", load.as_client, load.as_server, load.peers)
        })
        .collect();
    assert_eq!(loads, ["shop/web 4/1 peers 3", "shop/api 0/2 peers 1", "world 0/1 peers 1"]);
}
