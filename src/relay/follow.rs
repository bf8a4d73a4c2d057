//! Live flows: nodes come, go and come back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_stream::StreamMap;
use tonic::{Status, Streaming};

use super::{
    merge::Waiting,
    node::{Roster, Target},
    stored::{Left, NodeFlows, Out, introduce, send},
    told::{Errors, tell},
};
use crate::hubble::{
    self,
    observer::{GetFlowsRequest, GetFlowsResponse},
    relay::NodeState,
};

/// How often the roster is looked at.
const CHECK: Duration = Duration::from_secs(2);
/// How long a node that failed is left alone.
const RETRY: Duration = Duration::from_secs(30);

/// What a node's stream brings.
enum News {
    Message(Box<GetFlowsResponse>),
    Gone(String),
}

/// A try to reach a node.
type Attempt = (String, Result<Streaming<GetFlowsResponse>, Status>);

/// One client that follows.
pub(super) struct Following {
    request: GetFlowsRequest,
    roster: watch::Receiver<Roster>,
    out: Out,
    errors: Errors,
    streams: StreamMap<String, BoxStream<'static, News>>,
    attempts: FuturesUnordered<BoxFuture<'static, Attempt>>,
    /// Nodes that do not answer, and when they are tried again.
    down: BTreeMap<String, Instant>,
    trying: BTreeSet<String>,
    /// Until when each node has told; a node that comes back goes on from there.
    told: BTreeMap<String, Timestamp>,
    began: Timestamp,
    waiting: Waiting,
}

impl Following {
    pub(super) fn new(
        request: GetFlowsRequest,
        roster: watch::Receiver<Roster>,
        nodes: Vec<NodeFlows>,
        down: impl IntoIterator<Item = String>,
        out: Out,
    ) -> Self {
        let retry = Instant::now() + RETRY;
        let mut streams = StreamMap::new();
        let mut waiting = Waiting::default();
        for (name, flows) in nodes {
            waiting.join(name.clone());
            streams.insert(name, news(flows));
        }
        Self {
            request,
            roster,
            out,
            errors: Errors::default(),
            streams,
            attempts: FuturesUnordered::new(),
            down: down.into_iter().map(|name| (name, retry)).collect(),
            trying: BTreeSet::new(),
            told: BTreeMap::new(),
            began: Timestamp::now(),
            waiting,
        }
    }

    /// Goes on until the client leaves or the time asked for is over.
    pub(super) async fn run(mut self) -> Result<(), Left> {
        let mut check = interval(CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = self.end();
        loop {
            let due = [self.waiting.due_at(Instant::now()), self.errors.due_at()];
            let due = due.into_iter().flatten().min();
            tokio::select! {
                Some((name, news)) = self.streams.next(), if !self.streams.is_empty() => {
                    self.hear(name, news).await?;
                }
                Some((name, result)) = self.attempts.next(), if !self.attempts.is_empty() => {
                    self.tried(name, result).await?;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = check.tick() => self.look().await?,
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {
                    return self.flush().await;
                }
                () = self.out.closed() => return Err(Left),
            }
            while let Some(message) = self.waiting.take(Instant::now()) {
                send(&self.out, message).await?;
            }
            if self.errors.due_at().is_some_and(|due| due <= Instant::now()) {
                self.tell_errors().await?;
            }
        }
    }

    /// Returns when the time asked for is over, with a second for flows that are late.
    fn end(&self) -> Option<Instant> {
        let left = self.request.until?.moment().duration_since(Timestamp::now());
        Some(Instant::now() + Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1))
    }

    /// Tells whether nodes end their streams because nothing more was asked for.
    fn is_over(&self) -> bool {
        self.request.until.is_some_and(|until| until.moment() <= Timestamp::now())
    }

    async fn hear(&mut self, name: String, news: News) -> Result<(), Left> {
        match news {
            News::Message(message) if message.flow().is_some() => {
                let moment = message.moment();
                self.waiting.push(&name, message, Instant::now());
                self.told.insert(name, moment);
                Ok(())
            }
            News::Message(message) => send(&self.out, *message).await,
            News::Gone(_) if self.is_over() => {
                self.part(&name);
                Ok(())
            }
            News::Gone(reason) => self.lose(name, reason).await,
        }
    }

    fn part(&mut self, name: &str) {
        self.streams.remove(name);
        self.waiting.leave(name);
    }

    /// A node that answered before is tried again soon, for its agent may just be restarted.
    async fn lose(&mut self, name: String, reason: String) -> Result<(), Left> {
        self.part(&name);
        self.down.insert(name.clone(), Instant::now() + CHECK);
        send(&self.out, tell(NodeState::NodeUnavailable, vec![name], reason)).await
    }

    async fn tried(
        &mut self,
        name: String,
        result: Result<Streaming<GetFlowsResponse>, Status>,
    ) -> Result<(), Left> {
        self.trying.remove(&name);
        match result {
            Ok(flows) => {
                self.down.remove(&name);
                self.waiting.join(name.clone());
                self.streams.insert(name.clone(), news(flows));
                introduce(vec![name], vec![], &self.out).await
            }
            Err(status) => {
                self.errors.add(name.clone(), status.message().to_owned(), Instant::now());
                self.down.insert(name, Instant::now() + RETRY);
                Ok(())
            }
        }
    }

    /// Compares with the roster: who is new or may be back is tried, who is gone is let go.
    async fn look(&mut self) -> Result<(), Left> {
        let roster = Roster::clone(&self.roster.borrow());
        let known: Vec<String> = self.streams.keys().chain(self.down.keys()).cloned().collect();
        let gone: Vec<String> =
            known.into_iter().filter(|name| !roster.contains_key(name)).collect();
        for name in &gone {
            self.part(name);
            self.down.remove(name);
        }
        if !gone.is_empty() {
            send(&self.out, tell(NodeState::NodeGone, gone, String::new())).await?;
        }
        let now = Instant::now();
        for (name, target) in roster.iter() {
            let rests = self.down.get(name).is_some_and(|retry| *retry > now);
            if !rests && !self.streams.contains_key(name) && self.trying.insert(name.clone()) {
                self.attempts.push(attempt(name.clone(), target.clone(), self.resume(name)));
            }
        }
        Ok(())
    }

    /// Returns the question for a node that joins later: what came since it was heard last.
    fn resume(&self, name: &str) -> GetFlowsRequest {
        let since = self.told.get(name).map_or(self.began, |told| {
            told.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(*told)
        });
        let since: hubble::Timestamp = since.max(self.began).into();
        GetFlowsRequest { number: 0, first: false, since: Some(since), ..self.request.clone() }
    }

    async fn tell_errors(&mut self) -> Result<(), Left> {
        for message in self.errors.take() {
            send(&self.out, message).await?;
        }
        Ok(())
    }

    async fn flush(mut self) -> Result<(), Left> {
        let late = Instant::now() + Duration::from_secs(3600);
        while let Some(message) = self.waiting.take(late) {
            send(&self.out, message).await?;
        }
        self.tell_errors().await
    }
}

fn attempt(name: String, target: Target, request: GetFlowsRequest) -> BoxFuture<'static, Attempt> {
    Box::pin(async move {
        let flows = target.flows(request).await;
        (name, flows)
    })
}

fn news(flows: Streaming<GetFlowsResponse>) -> BoxStream<'static, News> {
    stream::unfold(Some(flows), async |flows| {
        let mut flows = flows?;
        Some(match flows.message().await {
            Ok(Some(message)) => (News::Message(Box::new(message)), Some(flows)),
            Ok(None) => (News::Gone("the node ended the stream".to_owned()), None),
            Err(status) => (News::Gone(status.message().to_owned()), None),
        })
    })
    .boxed()
}
