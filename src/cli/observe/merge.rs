//! Streams of several agents, in order of time.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::{
    cli::{
        cluster::{Cluster, ClusterError, Lines},
        error::Error,
        output::Output,
    },
    flows::{Request, Window},
    hubble::observer::GetFlowsResponse as Message,
};

/// How long a live flow waits for older ones of other nodes.
const PATIENCE: Duration = Duration::from_millis(300);

/// Streams that are started at a time.
const PARALLEL: usize = 16;

/// The command that the agents' pods run.
const COMMAND: &[&str] = &["observe"];

/// Shows what the agents of a cluster have seen.
pub(super) async fn observe(
    cluster: &Cluster,
    nodes: &[String],
    request: &Request,
    out: &Output,
    mut show: impl FnMut(&Message) -> Result<(), Error>,
) -> Result<(), Error> {
    let agents = cluster.agents(nodes).await?;
    let total = agents.len();
    let flags = [
        "--output".to_owned(),
        "json".to_owned(),
        "--request".to_owned(),
        serde_json::to_string(request).expect("requests have text keys only"),
    ];
    let started: Vec<_> = stream::iter(agents)
        .map(|agent| {
            let flags = &flags;
            async move {
                let failed = |reason| ClusterError::Failed { node: agent.node.clone(), reason };
                let pod = agent.pod.clone().map_err(failed)?;
                cluster.stream(&agent.node, &pod, COMMAND, flags).await
            }
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    let mut failed = 0;
    let mut streams = Vec::new();
    for lines in started {
        match lines {
            Ok(lines) => streams.push(Box::pin(messages(lines))),
            Err(error) => {
                failed += 1;
                out.warn(&Error::from(error).chain().join(": "));
            }
        }
    }
    let mut live = Merge { messages: stream::select_all(streams), failed, out };
    if request.follow {
        live.follow(&mut show).await?;
    } else {
        live.collect(request.window, &mut show).await?;
    }
    match live.failed {
        0 => Ok(()),
        failed => Err(ClusterError::Partial { failed, total }.into()),
    }
}

/// Ends after the first error.
fn messages(lines: Lines) -> impl Stream<Item = Result<Message, ClusterError>> {
    stream::unfold(Some(lines), |lines| async {
        let mut lines = lines?;
        let node = lines.node().to_owned();
        match lines.next().await {
            Ok(Some(line)) => match serde_json::from_str(&line) {
                Ok(message) => Some((Ok(message), Some(lines))),
                Err(error) => {
                    let reason = format!("its answer makes no sense: {error}");
                    Some((Err(ClusterError::Failed { node, reason }), None))
                }
            },
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Merge<'a, S> {
    messages: S,
    failed: usize,
    out: &'a Output,
}

impl<S: Stream<Item = Result<Message, ClusterError>> + Unpin> Merge<'_, S> {
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

    fn accept(&mut self, message: Result<Message, ClusterError>) -> Option<Message> {
        message
            .map_err(|error| {
                self.failed += 1;
                self.out.warn(&error.to_string());
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
