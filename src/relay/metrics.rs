//! What a relay counts.

use std::{sync::atomic::AtomicU64, time::Instant};

use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
};
use tonic::Status;

use crate::{
    hubble::observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    telemetry::Metrics,
};

const OK: &str = "ok";
const FAILED: &str = "failed";

/// A question of Hubble's API that a relay answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    GetFlows,
    GetNodes,
    GetNamespaces,
    ServerStatus,
}

impl Method {
    const ALL: [Self; 4] =
        [Self::GetFlows, Self::GetNodes, Self::GetNamespaces, Self::ServerStatus];

    const fn name(self) -> &'static str {
        match self {
            Self::GetFlows => "GetFlows",
            Self::GetNodes => "GetNodes",
            Self::GetNamespaces => "GetNamespaces",
            Self::ServerStatus => "ServerStatus",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    certificate: &'static str,
}

type Count = Counter<u64, AtomicU64>;

/// The relay's metrics; copies count together.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    nodes: Family<State, Gauge>,
    flows: Count,
    lost: Count,
    followers: Gauge,
    requests: Family<Answered, Count>,
    seconds: Family<Asked, Histogram, fn() -> Histogram>,
    certificates: Family<Named, Gauge>,
}

impl Default for RelayMetrics {
    fn default() -> Self {
        // From a millisecond to 16 seconds: no node may take longer than five.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        Self {
            nodes: Family::default(),
            flows: Count::default(),
            lost: Count::default(),
            followers: Gauge::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            certificates: Family::default(),
        }
    }
}

impl RelayMetrics {
    /// Makes and registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let made = Self::default();
        metrics.register("relay", |registry| {
            let help = "Nodes by whether they answered when they were asked last";
            registry.register("nodes", help, made.nodes.clone());
            registry.register("flows", "Flows that went to clients", made.flows.clone());
            let help = "Events that nodes or the relay lost, as clients were told";
            registry.register("lost_events", help, made.lost.clone());
            registry.register("followers", "Clients that follow flows", made.followers.clone());
            registry.register("requests", "Questions of clients", made.requests.clone());
            let help = "Time until the answer, or until its first part";
            registry.register("request_seconds", help, made.seconds.clone());
            let help = "When each certificate in use is over, since 1970";
            let certificates = made.certificates.clone();
            registry.register("certificate_expiry_timestamp_seconds", help, certificates);
        });
        // What appears only when it first counts hides that first time from `increase`.
        for method in Method::ALL.map(Method::name) {
            for outcome in [OK, FAILED] {
                drop(made.requests.get_or_create(&Answered { method, outcome }));
            }
            drop(made.seconds.get_or_create(&Asked { method }));
        }
        made
    }

    /// Notes until when a certificate is good.
    pub fn certificate(&self, certificate: &'static str, until: Option<Timestamp>) {
        let Some(until) = until else { return };
        self.certificates.get_or_create(&Named { certificate }).set(until.as_second());
    }

    /// Notes how many nodes answered and how many did not.
    pub(super) fn nodes(&self, connected: usize, unavailable: usize) {
        for (state, count) in [("connected", connected), ("unavailable", unavailable)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.nodes.get_or_create(&State { state }).set(count);
        }
    }

    /// Times and counts an answer.
    pub(super) async fn time<T>(
        &self,
        method: Method,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let start = Instant::now();
        let answer = answer.await;
        self.answered(method, start, answer.is_ok());
        answer
    }

    /// Counts a question about flows that was refused.
    pub(super) fn refused(&self, start: Instant) {
        self.answered(Method::GetFlows, start, false);
    }

    /// Counts what passes to a client, as long as it listens.
    pub(super) fn passing(
        &self,
        answers: BoxStream<'static, Result<GetFlowsResponse, Status>>,
        start: Instant,
        follows: bool,
    ) -> BoxStream<'static, Result<GetFlowsResponse, Status>> {
        let follower = follows.then(|| Follower::new(self.followers.clone()));
        let (metrics, mut waits_since) = (self.clone(), Some(start));
        let counted = answers.inspect(move |answer| {
            // Taken along, so that it goes with the stream.
            let _follower = &follower;
            if let Some(start) = waits_since.take() {
                metrics.answered(Method::GetFlows, start, answer.is_ok());
            }
            metrics.passed(answer);
        });
        counted.boxed()
    }

    fn passed(&self, answer: &Result<GetFlowsResponse, Status>) {
        match answer.as_ref().ok().and_then(|answer| answer.response_types.as_ref()) {
            Some(ResponseTypes::Flow(_)) => drop(self.flows.inc()),
            Some(ResponseTypes::LostEvents(lost)) => drop(self.lost.inc_by(lost.num_events_lost)),
            _ => {}
        }
    }

    fn answered(&self, method: Method, start: Instant, is_ok: bool) {
        let method = method.name();
        let outcome = if is_ok { OK } else { FAILED };
        self.requests.get_or_create(&Answered { method, outcome }).inc();
        self.seconds.get_or_create(&Asked { method }).observe(start.elapsed().as_secs_f64());
    }
}

/// A client that follows, counted until it is dropped.
struct Follower(Gauge);

impl Follower {
    fn new(followers: Gauge) -> Self {
        followers.inc();
        Self(followers)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;
    use crate::hubble::flow::{Flow, LostEvent};

    fn answer(kind: ResponseTypes) -> Result<GetFlowsResponse, Status> {
        Ok(GetFlowsResponse { response_types: Some(kind), ..GetFlowsResponse::default() })
    }

    #[tokio::test]
    async fn each_one_moves() {
        let registry = Metrics::new();
        let metrics = RelayMetrics::new(&registry);
        metrics.nodes(3, 1);
        metrics.certificate("server", Timestamp::from_second(1_900_000_000).ok());
        metrics.certificate("client", None);
        let unavailable = async { Err::<(), _>(Status::unavailable("nobody")) };
        metrics.time(Method::GetNodes, unavailable).await.expect_err("it fails");
        let lost = LostEvent { num_events_lost: 7, ..LostEvent::default() };
        let answers = vec![
            answer(ResponseTypes::Flow(Flow::default())),
            answer(ResponseTypes::LostEvents(lost)),
        ];
        let stream = metrics.passing(stream::iter(answers).boxed(), Instant::now(), true);
        assert!(registry.encode().contains("skep_relay_followers 1\n"));
        assert_eq!(stream.count().await, 2);
        let text = registry.encode();
        for line in [
            "skep_relay_nodes{state=\"connected\"} 3\n",
            "skep_relay_nodes{state=\"unavailable\"} 1\n",
            "skep_relay_flows_total 1\n",
            "skep_relay_lost_events_total 7\n",
            "skep_relay_followers 0\n",
            "skep_relay_requests_total{method=\"GetNodes\",outcome=\"failed\"} 1\n",
            "skep_relay_requests_total{method=\"GetFlows\",outcome=\"ok\"} 1\n",
            "skep_relay_request_seconds_count{method=\"GetFlows\"} 1\n",
            "skep_relay_certificate_expiry_timestamp_seconds{certificate=\"server\"} 1900000000\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
