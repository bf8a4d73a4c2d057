//! Readers that follow: what they get, lose, and leave behind.

use futures::future::join_all;
use skep::{
    flows::{EventFilter, Monitored, RawKind},
    hubble::{
        flow::LostEventSource,
        observer::{GetAgentEventsRequest, GetDebugEventsRequest, GetFlowsRequest},
    },
};
use tonic::Code;

use crate::node::{Node, dropped, event, eventually, next};

fn follow(number: u64) -> GetFlowsRequest {
    GetFlowsRequest { number, follow: true, ..GetFlowsRequest::default() }
}

#[tokio::test]
async fn followers_get_stored_flows_and_then_new_ones() {
    let node = Node::start().await;
    node.observer.push((1..=3).map(event));
    let mut only_new = node.flows(follow(0)).await.expect("a stream");
    let mut some = node.flows(follow(2)).await.expect("a stream");
    node.observer.push([event(4)]);
    for expected in [2, 3, 4] {
        let flow = next(&mut some).await.expect("a flow");
        assert_eq!(flow.ports().expect("TCP").0, expected);
    }
    let flow = next(&mut only_new).await.expect("a flow");
    assert_eq!(flow.ports().expect("TCP").0, 4);
}

#[tokio::test]
async fn losses_before_the_node_are_told() {
    let node = Node::start().await;
    let mut stream = node.flows(follow(0)).await.expect("a stream");
    node.observer.lose(7);
    node.observer.push([event(1)]);
    let (mut lost, mut seen) = (0, 0);
    while lost == 0 || seen == 0 {
        match next(&mut stream).await {
            Ok(_) => seen += 1,
            Err(told) => {
                assert_eq!(told.source(), LostEventSource::PerfEventRingBuffer);
                lost += told.num_events_lost;
            }
        }
    }
    assert_eq!((lost, seen), (7, 1));
}

#[tokio::test]
async fn a_slow_reader_loses_and_is_told_how_many() {
    const PUSHED: u64 = 160_000;
    let node = Node::start().await;
    let mut stream = node.flows(follow(0)).await.expect("a stream");
    for _ in 0..PUSHED / 1000 {
        node.observer.push((0..1000).map(event));
    }
    // Without another flow the numbers would not show that some are missing.
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < PUSHED {
        match next(&mut stream).await {
            Ok(_) => seen += 1,
            Err(told) => {
                assert_eq!(told.source(), LostEventSource::HubbleRingBuffer);
                lost += told.num_events_lost;
            }
        }
    }
    assert_eq!(seen + lost, PUSHED, "each flow is seen or told to be lost");
    assert!(lost > 0, "nothing waits for a reader");
    assert_eq!(node.observer.metrics().lost(LostEventSource::HubbleRingBuffer), lost);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_seat() {
    let node = Node::start().await;
    let mut streams = Vec::new();
    let status = loop {
        match node.flows(follow(0)).await {
            Ok(stream) => streams.push(stream),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(streams.len(), 64);
    streams.clear();
    eventually("seats are free", || node.observer.stats().readers == 0).await;
}

#[tokio::test]
async fn followers_hear_that_the_server_ends() {
    let node = Node::start().await;
    let mut flows = node.flows(follow(0)).await.expect("a stream");
    let request = GetAgentEventsRequest { follow: true, ..GetAgentEventsRequest::default() };
    let mut events = node.client().await.get_agent_events(request).await.expect("a stream");
    let request = GetDebugEventsRequest { follow: true, ..GetDebugEventsRequest::default() };
    let mut debug = node.client().await.get_debug_events(request).await.expect("a stream");
    node.cancel.cancel();
    assert_eq!(flows.message().await.expect_err("an end").code(), Code::Unavailable);
    assert_eq!(events.get_mut().message().await.expect_err("an end").code(), Code::Unavailable);
    assert_eq!(debug.get_mut().message().await.expect_err("an end").code(), Code::Unavailable);
    node.server.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn readers_of_raw_events_lose_and_are_told_how_many() {
    const PUSHED: u64 = 160_000;
    let node = Node::start().await;
    let filter = EventFilter { kinds: vec![RawKind::Drop], ..EventFilter::default() };
    let mut all = node.observer.monitor(EventFilter::default()).expect("a seat");
    let mut drops = node.observer.monitor(filter).expect("a seat");
    node.observer.lose(5);
    for _ in 0..PUSHED / 1000 {
        node.observer.push((0..1000).map(event));
    }
    node.observer.push([dropped(7)]);
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < PUSHED + 1 + 5 {
        match all.next().await.expect("no end") {
            Monitored::Event(_) => seen += 1,
            Monitored::Lost(count) => lost += count,
        }
    }
    assert!(lost > 5 && seen > 0, "{lost} lost, {seen} seen");
    loop {
        match drops.next().await.expect("no end") {
            Monitored::Event(event) => {
                assert_eq!(event.reason.as_deref(), Some("INVALID_SOURCE_IP"));
                assert_eq!(event.source.port, Some(7));
                break;
            }
            Monitored::Lost(_) => {}
        }
    }
}

#[tokio::test]
async fn of_five_hundred_clients_as_many_as_there_are_seats_are_served() {
    let node = Node::start().await;
    let answers = join_all((0..500).map(|_| node.flows(follow(0)))).await;
    let (mut served, mut refused) = (Vec::new(), 0);
    for answer in answers {
        match answer {
            Ok(stream) => served.push(stream),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                refused += 1;
            }
        }
    }
    assert_eq!((served.len(), refused), (64, 436));
    node.observer.push([event(1)]);
    for stream in &mut served {
        assert_eq!(next(stream).await.expect("a flow").ports().expect("TCP").0, 1);
    }
    drop(served);
    eventually("all seats are free", || node.observer.stats().readers == 0).await;
    node.flows(follow(0)).await.expect("there is room again");
}
