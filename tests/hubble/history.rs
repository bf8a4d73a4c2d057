//! Flows that memory has no room for, asked for by gRPC.

use std::{path::Path, sync::Arc, time::Duration};

use skep::{
    events::Event,
    flows::{HistorySettings, Settings},
    hubble::{
        flow::{Flow, FlowFilter, Verdict},
        observer::GetFlowsRequest,
    },
};

use crate::node::{Node, dropped, event, eventually, next};

/// A node with room for eight flows in memory, which keeps the others below a directory.
async fn node(dir: &Path) -> Node {
    let mut settings = Settings::new("default", "n1");
    settings.max_records = 8;
    settings.history = Some(HistorySettings { dir: dir.join("history"), budget: 16 << 20 });
    let node = Node::with(settings).await;
    let history = Arc::clone(node.observer.history().expect("there is one"));
    // It ends with the test's runtime.
    tokio::spawn(history.keep(Arc::clone(&node.observer)));
    node
}

fn ports(flows: &[Flow]) -> Vec<u32> {
    flows.iter().map(|flow| flow.ports().expect("TCP").0).collect()
}

fn uuids(flows: &[Flow]) -> Vec<&str> {
    flows.iter().map(|flow| flow.uuid.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_was_overrun_and_a_restart_hide_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = node(dir.path()).await;
    first.observer.push([dropped(1)]);
    first.observer.push((2..=1500).map(event));
    let request = GetFlowsRequest::default;
    let all = first.stored(request()).await;
    assert_eq!(ports(&all), (1..=1500).collect::<Vec<_>>());
    let since = all[699].time;
    let later = first.stored(GetFlowsRequest { since, ..request() }).await;
    assert_eq!(ports(&later).last(), Some(&1500));
    // Wall clocks are read again now and then, and these flows are nanoseconds apart.
    assert!((1..=1500).contains(&later.len()), "{}", later.len());
    eventually("all is on disk", || {
        first.observer.history().expect("there is one").stats().written == 1500
    })
    .await;
    drop(first);

    let second = node(dir.path()).await;
    assert_eq!(uuids(&second.stored(request()).await), uuids(&all), "as it was told before");
    let newest = second.stored(GetFlowsRequest { number: 600, ..request() }).await;
    assert_eq!(uuids(&newest), uuids(&all[900..]));
    let oldest = second.stored(GetFlowsRequest { number: 3, first: true, ..request() }).await;
    assert_eq!(uuids(&oldest), uuids(&all[..3]));
    let drops = FlowFilter { verdict: vec![Verdict::Dropped.into()], ..FlowFilter::default() };
    let drops = GetFlowsRequest { number: 20, whitelist: vec![drops], ..request() };
    assert_eq!(ports(&second.stored(drops).await), [1]);
    let oldest_of_three = second.stored(request()).await[1497].time;
    let follow = GetFlowsRequest { since: oldest_of_three, follow: true, ..request() };
    let mut stream = second.flows(follow).await.expect("a stream");
    for port in [1498, 1499, 1500] {
        assert_eq!(ports(&[next(&mut stream).await.expect("a flow")]), [port]);
    }
    // By a clock that was read again, what came nanoseconds later may be too old.
    second.observer.push([Event { time: Duration::from_secs(60), ..event(1501) }]);
    assert_eq!(ports(&[next(&mut stream).await.expect("a flow")]), [1501]);
}
