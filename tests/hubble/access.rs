//! A relay that shows flows by namespace.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use nix::time::ClockId;
use skep::{
    events::Event,
    hubble::{
        flow::{Flow, FlowFilter},
        observer::{GetFlowsRequest, GetNamespacesRequest, GetNodesRequest, ServerStatusRequest},
    },
    relay::{Access, Denied, User},
};
use tonic::{Code, Request, Status};

use crate::{
    node::{Node, event, eventually},
    relay::{Served, at, relay_with, targets},
};

/// A cluster in which users may see the namespaces that their tokens are called after.
#[derive(Debug, Default)]
struct Cluster {
    gone: Mutex<BTreeSet<String>>,
}

impl Access for Cluster {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, Denied>> {
        let is_gone = self.gone.lock().expect("no panic").contains(token);
        let user = User { name: token.to_owned(), ..User::default() };
        let answer = if is_gone { Err(Denied::Token) } else { Ok(Arc::new(user)) };
        Box::pin(async { answer })
    }

    fn may_see<'a>(
        &'a self,
        user: &'a Arc<User>,
        namespace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Denied>> {
        let answer = match (&*user.name, namespace) {
            ("broken", _) => Err(Denied::Unavailable("it is away".into())),
            ("everything", _) => Ok(true),
            (_, None) => Ok(false),
            (own, Some(namespace)) => Ok(own == namespace),
        };
        Box::pin(async { answer })
    }
}

fn asked<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").try_into().expect("ASCII");
    request.metadata_mut().insert("authorization", header);
    request
}

async fn flows(served: &Served, token: &str, asking: GetFlowsRequest) -> Result<Vec<Flow>, Status> {
    let mut stream = served.client.clone().get_flows(asked(token, asking)).await?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = stream.message().await? {
        all.extend(message.flow().cloned());
    }
    Ok(all)
}

fn ports(flows: &[Flow]) -> Vec<u32> {
    flows.iter().map(|flow| flow.ports().expect("TCP").0).collect()
}

/// A pod of `shop` asks a pod of `back`.
#[tokio::test]
async fn flows_are_shown_to_whom_they_concern() {
    let node = Node::named("n1").await;
    node.observer.push((1..=20).map(at));
    let cluster = Arc::new(Cluster::default());
    let served = relay_with(targets(&[("n1", &node)]), Some(Arc::clone(&cluster) as _)).await;
    let all = GetFlowsRequest::default;

    let refused = served.client.clone().get_flows(all()).await.expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = served.client.clone().get_nodes(GetNodesRequest {}).await.expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let status = served.client.clone().server_status(ServerStatusRequest {}).await;
    assert_eq!(status.expect_err("no token").code(), Code::Unauthenticated);

    let everything = flows(&served, "everything", all()).await.expect("all of them");
    assert_eq!(ports(&everything), (1..=20).collect::<Vec<_>>());
    for token in ["shop", "back"] {
        let own = flows(&served, token, all()).await.expect("its own");
        assert_eq!(ports(&own), ports(&everything));
        assert!(own.iter().all(|flow| {
            let pods = [&flow.sender().pod_name, &flow.receiver().pod_name];
            pods == [
                if token == "shop" { "frontend-x" } else { "" },
                if token == "back" { "api-y" } else { "" },
            ]
        }));
    }
    assert!(flows(&served, "elsewhere", all()).await.expect("none").is_empty());
    let error = flows(&served, "broken", all()).await.expect_err("nobody knows");
    assert_eq!(error.code(), Code::Unavailable, "what is not known is not shown");

    let newest = GetFlowsRequest { number: 3, ..all() };
    assert_eq!(ports(&flows(&served, "shop", newest.clone()).await.expect("some")), [18, 19, 20]);
    let oldest = GetFlowsRequest { first: true, ..newest };
    assert_eq!(ports(&flows(&served, "shop", oldest).await.expect("some")), [1, 2, 3]);
    let filter = FlowFilter { source_port: vec!["7".into()], ..FlowFilter::default() };
    let filtered = GetFlowsRequest { whitelist: vec![filter], ..all() };
    assert_eq!(ports(&flows(&served, "shop", filtered).await.expect("one")), [7]);
    let filter = FlowFilter { destination_pod: vec!["back/".into()], ..FlowFilter::default() };
    let guess = GetFlowsRequest { whitelist: vec![filter], ..all() };
    assert_eq!(flows(&served, "everything", guess.clone()).await.expect("all").len(), 20);
    let guessed = flows(&served, "shop", guess).await.expect("an answer");
    assert!(guessed.is_empty(), "a filter tells nothing of who is hidden");

    for (token, expected) in [("everything", 2), ("shop", 1), ("elsewhere", 0)] {
        let asking = asked(token, GetNamespacesRequest {});
        let answer = served.client.clone().get_namespaces(asking).await.expect("a list");
        assert_eq!(answer.into_inner().namespaces.len(), expected, "{token}");
    }
}

/// An event of this moment.
fn now(port: u16) -> Event {
    let time = ClockId::CLOCK_MONOTONIC.now().expect("a clock");
    Event { time: time.into(), ..event(port) }
}

#[tokio::test]
async fn whose_token_ends_sees_no_more() {
    let node = Node::named("n1").await;
    node.observer.push([at(1), at(2)]);
    let cluster = Arc::new(Cluster::default());
    let served = relay_with(targets(&[("n1", &node)]), Some(Arc::clone(&cluster) as _)).await;
    let asking = GetFlowsRequest { follow: true, number: 1, ..GetFlowsRequest::default() };
    let answer = served.client.clone().get_flows(asked("shop", asking)).await;
    let mut stream = answer.expect("a stream").into_inner();
    let mut next = async || {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), stream.message());
            match message.await.expect("in time") {
                Ok(Some(message)) => match message.flow() {
                    Some(flow) => return Ok(flow.ports().expect("TCP").0),
                    None => continue,
                },
                Ok(None) => return Err(Code::Ok),
                Err(status) => return Err(status.code()),
            }
        }
    };
    assert_eq!(next().await, Ok(2), "the newest of what is stored");
    eventually("it follows", || node.observer.stats().readers == 1).await;
    node.observer.push([now(3)]);
    assert_eq!(next().await, Ok(3));
    cluster.gone.lock().expect("no panic").insert("shop".to_owned());
    node.observer.push([now(4)]);
    assert_eq!(next().await, Err(Code::Unauthenticated));
}
