//! Streams of several agents, in order of time.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::{
    follow::{Follower, Question, Tell},
    place::{Flows, Place},
};
use crate::{
    cli::{
        cluster::{AgentPod, Cluster, ClusterError},
        error::Error,
    },
    flows::Window,
    hubble::observer::GetFlowsResponse as Message,
};

/// How long a live flow waits for older ones of other nodes.
const PATIENCE: Duration = Duration::from_millis(300);

/// Streams that are started at a time.
const PARALLEL: usize = 16;

/// Shows what the agents of a cluster have seen.
pub(super) async fn observe(
    cluster: &Cluster,
    nodes: &[String],
    question: &Question,
    tell: Tell<'_>,
    mut show: impl FnMut(&Message) -> Result<(), Error>,
) -> Result<(), Error> {
    let agents = cluster.agents(nodes).await?;
    let total = agents.len();
    let started: Vec<_> = stream::iter(agents)
        .map(|AgentPod { node, pod }| async move {
            let flows = Flows::of_pod(cluster, &node, pod, &question.request).await?;
            let place = Place::Agent { cluster, node };
            Ok(Follower::new(place, question.clone(), flows, tell))
        })
        .buffer_unordered(PARALLEL)
        .collect::<Vec<Result<_, ClusterError>>>()
        .await;
    let mut failed = 0;
    let mut streams = Vec::new();
    for follower in started {
        match follower {
            Ok(follower) => streams.push(Box::pin(messages(follower))),
            Err(error) => {
                failed += 1;
                tell(&Error::from(error).chain().join(": "));
            }
        }
    }
    let mut live = Merge { messages: stream::select_all(streams), failed, tell };
    if question.request.follow {
        live.follow(&mut show).await?;
    } else {
        live.collect(question.request.window, &mut show).await?;
    }
    match live.failed {
        0 => Ok(()),
        failed => Err(ClusterError::Partial { failed, total }.into()),
    }
}

/// Ends after the first error.
fn messages(follower: Follower<'_>) -> impl Stream<Item = Result<Message, Error>> {
    stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(Some(message)) => Some((Ok(message), Some(follower))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Merge<'a, S> {
    messages: S,
    failed: usize,
    tell: Tell<'a>,
}

impl<S: Stream<Item = Result<Message, Error>> + Unpin> Merge<'_, S> {
    /// Shows stored flows: all are there, so they are sorted, and the window is cut again.
    async fn collect(
        &mut self,
        window: Option<Window>,
        show: &mut impl FnMut(&Message) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut all = Vec::new();
        while let Some(message) = self.messages.next().await {
            all.extend(self.accept(message));
        }
        all.sort_by_key(Message::moment);
        let shown = match window {
            Some(Window::First(count)) => &all[..count.min(all.len())],
            Some(Window::Last(count)) => &all[all.len().saturating_sub(count)..],
            None => &all,
        };
        shown.iter().try_for_each(show)
    }

    /// Shows live flows, each after a little while, oldest first.
    async fn follow(
        &mut self,
        show: &mut impl FnMut(&Message) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut waiting = Waiting::default();
        loop {
            let ripe = waiting.ripe_at();
            tokio::select! {
                message = self.messages.next() => match message {
                    Some(message) => {
                        let arrived = Instant::now();
                        self.accept(message).into_iter().for_each(|m| waiting.push(m, arrived));
                    }
                    None => return waiting.drain(None).iter().try_for_each(show),
                },
                () = sleep_until(ripe.unwrap_or_else(far_future)), if ripe.is_some() => {
                    waiting.drain(Some(Instant::now())).iter().try_for_each(&mut *show)?;
                }
            }
        }
    }

    fn accept(&mut self, message: Result<Message, Error>) -> Option<Message> {
        message
            .map_err(|error| {
                self.failed += 1;
                (self.tell)(&error.chain().join(": "));
            })
            .ok()
    }
}

/// Flows that wait for older ones.
#[derive(Default)]
struct Waiting {
    heap: BinaryHeap<Reverse<(Timestamp, u64)>>,
    messages: std::collections::HashMap<u64, (Instant, Message)>,
    next: u64,
}

impl Waiting {
    fn push(&mut self, message: Message, arrived: Instant) {
        self.heap.push(Reverse((message.moment(), self.next)));
        self.messages.insert(self.next, (arrived, message));
        self.next += 1;
    }

    /// Returns when the oldest flow has waited long enough.
    fn ripe_at(&self) -> Option<Instant> {
        let Reverse((_, key)) = self.heap.peek()?;
        self.messages.get(key).map(|(arrived, _)| *arrived + PATIENCE)
    }

    /// Takes the flows whose wait is over, or all.
    fn drain(&mut self, now: Option<Instant>) -> Vec<Message> {
        let mut ripe = Vec::new();
        while self.ripe_at().is_some_and(|at| now.is_none_or(|now| at <= now)) {
            if let Some(Reverse((_, key))) = self.heap.pop() {
                ripe.extend(self.messages.remove(&key).map(|(_, message)| message));
            }
        }
        ripe
    }
}

/// Only polled when something waits.
fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::{PATIENCE, Waiting};
    use crate::hubble::observer::GetFlowsResponse as Message;

    #[test]
    fn flows_that_come_late_are_shown_in_order() {
        let message = |time: &str| Message {
            node_name: "default/n1".into(),
            time: Some(time.parse::<Timestamp>().unwrap().into()),
            ..Message::default()
        };
        let mut waiting = Waiting::default();
        let start = Instant::now();
        waiting.push(message("2026-11-24T12:00:02Z"), start);
        waiting.push(message("2026-11-24T12:00:01Z"), start + PATIENCE / 2);
        assert!(waiting.drain(Some(start + PATIENCE)).is_empty(), "the older one still waits");
        let times: Vec<_> = waiting
            .drain(Some(start + PATIENCE * 2))
            .iter()
            .map(|message| message.moment().to_string())
            .collect();
        assert_eq!(times, ["2026-11-24T12:00:01Z", "2026-11-24T12:00:02Z"]);
    }
}
