//! What GetFlows answers to each way of asking.

use prost_types::FieldMask;
use skep::hubble::{
    Timestamp,
    flow::{FlowFilter, TcpFlags, Verdict, flow_filter::Experimental},
    observer::GetFlowsRequest,
};
use tonic::Code;

use crate::node::{Node, dropped, event};

/// Ports of the senders, which tell flows apart.
async fn ports(node: &Node, request: GetFlowsRequest) -> Vec<u32> {
    let flows = node.stored(request).await;
    flows.iter().map(|flow| flow.ports().expect("TCP").0).collect()
}

fn number(number: u64) -> GetFlowsRequest {
    GetFlowsRequest { number, ..GetFlowsRequest::default() }
}

#[tokio::test]
async fn numbers_and_times_choose_among_stored_flows() {
    let node = Node::start().await;
    node.observer.push((1..=6).map(event));
    let all = node.stored(number(0)).await;
    let time = |n: usize| all[n].time;
    let request = GetFlowsRequest::default;
    for (what, asked, expected) in [
        ("no number", number(0), vec![1, 2, 3, 4, 5, 6]),
        ("the newest", number(2), vec![5, 6]),
        ("as many as there are", number(u64::MAX), vec![1, 2, 3, 4, 5, 6]),
        ("the oldest", GetFlowsRequest { first: true, ..number(2) }, vec![1, 2]),
        (
            "all from the oldest",
            GetFlowsRequest { first: true, ..number(u64::MAX) },
            vec![1, 2, 3, 4, 5, 6],
        ),
        ("since", GetFlowsRequest { since: time(3), ..request() }, vec![4, 5, 6]),
        ("until", GetFlowsRequest { until: time(1), ..request() }, vec![1, 2]),
        (
            "a number caps a span of time",
            GetFlowsRequest { since: time(1), until: time(4), ..number(2) },
            vec![4, 5],
        ),
    ] {
        assert_eq!(ports(&node, asked).await, expected, "{what}");
    }
}

#[tokio::test]
async fn filters_allow_and_deny() {
    let node = Node::start().await;
    node.observer.push([event(1), dropped(2), event(3)]);
    let filter = FlowFilter::default;
    let drops = FlowFilter { verdict: vec![Verdict::Dropped.into()], ..filter() };
    let to_api = FlowFilter { destination_pod: vec!["back/api".into()], ..filter() };
    let syn = TcpFlags { syn: true, ..TcpFlags::default() };
    let first = FlowFilter { source_port: vec!["1".into()], tcp_flags: vec![syn], ..filter() };
    let cel = |text: &str| FlowFilter {
        experimental: Some(Experimental { cel_expression: vec![text.to_owned()] }),
        ..filter()
    };
    let odd = cel("has(_flow.l4.TCP) && _flow.l4.TCP.source_port in [1u, 3u]");
    let dropped = cel("_flow.verdict == Verdict.DROPPED");
    for (what, whitelist, blacklist, expected) in [
        ("an expression", vec![odd.clone()], vec![], vec![1, 3]),
        ("an expression denies", vec![], vec![dropped], vec![1, 3]),
        (
            "an expression and a field",
            vec![FlowFilter { verdict: drops.verdict.clone(), ..odd }],
            vec![],
            vec![],
        ),
        ("no expression is true", vec![cel("_flow.l4.UDP.source_port > 0u")], vec![], vec![]),
        ("drops", vec![drops.clone()], vec![], vec![2]),
        ("no drops", vec![], vec![drops.clone()], vec![1, 3]),
        ("either", vec![drops.clone(), first], vec![], vec![1, 2]),
        ("both lists", vec![to_api], vec![drops], vec![1, 3]),
    ] {
        let asked = GetFlowsRequest { whitelist, blacklist, ..number(10) };
        assert_eq!(ports(&node, asked).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_mask_limits_what_is_sent() {
    let node = Node::start().await;
    node.observer.push([event(7)]);
    let paths = ["time", "verdict", "source.namespace", "source.pod_name", "l4", "Summary"];
    let field_mask = Some(FieldMask { paths: paths.map(str::to_owned).to_vec() });
    let flows = node.stored(GetFlowsRequest { field_mask, ..number(1) }).await;
    let mut flow = serde_json::to_value(&flows[0]).expect("JSON");
    flow["time"] = "...".into();
    let expected = serde_json::json!({
        "time": "...",
        "verdict": "FORWARDED",
        "l4": {"TCP": {"source_port": 7, "destination_port": 8080, "flags": {"SYN": true}}},
        "source": {"namespace": "shop", "pod_name": "frontend-x"},
        "Summary": "TCP Flags: SYN",
    });
    assert_eq!(flow, expected);
}

#[tokio::test]
async fn nonsense_is_an_invalid_argument_that_says_what() {
    let node = Node::start().await;
    let filter = FlowFilter { source_ip: vec!["10.0.0.0/99".into()], ..FlowFilter::default() };
    let cel_expression = vec!["_flow.verdikt == 1".to_owned()];
    let expression =
        FlowFilter { experimental: Some(Experimental { cel_expression }), ..FlowFilter::default() };
    let mask = FieldMask { paths: vec!["source.planet".into()] };
    let never = Timestamp { seconds: i64::MAX, nanos: 0 };
    let request = GetFlowsRequest::default;
    for (asked, said) in [
        (
            GetFlowsRequest { whitelist: vec![filter.clone()], ..request() },
            "source_ip: \"10.0.0.0/99\" is not an IP address or CIDR",
        ),
        (GetFlowsRequest { blacklist: vec![filter], ..request() }, "10.0.0.0/99"),
        (
            GetFlowsRequest { whitelist: vec![FlowFilter::default(); 100_000], ..request() },
            "100000",
        ),
        (
            GetFlowsRequest { whitelist: vec![expression], ..request() },
            "\"_flow.verdikt == 1\": column 7: flow.Flow has no field verdikt; did you mean verdict?",
        ),
        (GetFlowsRequest { field_mask: Some(mask), ..request() }, "source.planet"),
        (GetFlowsRequest { since: Some(never), ..request() }, "since"),
        (GetFlowsRequest { first: true, follow: true, ..request() }, "first and follow"),
    ] {
        let status = node.flows(asked).await.expect_err(said);
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(said), "{said}: {status:?}");
    }
}
