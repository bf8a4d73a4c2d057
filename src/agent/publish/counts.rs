//! What became of requests that tell the cluster something.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};

use crate::agent::metrics::put;

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum News {
    /// Endpoint slices.
    Slices,
    /// An identity.
    Identity,
    /// That the node is ready.
    Node,
}

impl News {
    const fn labels(self) -> What {
        let what = match self {
            Self::Slices => "slices",
            Self::Identity => "identity",
            Self::Node => "node",
        };
        What { what }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// Counts and times of publishing; copies count together.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Published {
    failures: Family<What, Counter>,
    seconds: Family<What, Histogram, fn() -> Histogram>,
}

impl Default for Published {
    fn default() -> Self {
        // From a millisecond to a minute.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 17));
        let published =
            Self { failures: Family::default(), seconds: Family::new_with_constructor(seconds) };
        // A counter that appears with its first failure would hide that failure from `increase`.
        for news in [News::Slices, News::Identity, News::Node] {
            drop(published.failures.get_or_create(&news.labels()));
        }
        published
    }
}

impl Published {
    /// Notes that the cluster knows, and how long that took since there was something to tell.
    pub(in crate::agent) fn done(&self, news: News, took: Duration) {
        self.seconds.get_or_create(&news.labels()).observe(took.as_secs_f64());
    }

    /// Notes a try that failed.
    pub(in crate::agent) fn failed(&self, news: News) {
        self.failures.get_or_create(&news.labels()).inc();
    }

    /// Writes the metrics.
    pub(in crate::agent) fn encode(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
    ) -> Result<(), fmt::Error> {
        let help = "Tries to tell the cluster something that failed";
        put(encoder, ("publishing_failures", help), &self.failures)?;
        let help = "Time until the cluster knew what there was to tell";
        put(encoder, ("publishing_seconds", help), &self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;

    use super::*;
    use crate::telemetry::Metrics;

    impl Collector for Published {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            Self::encode(self, &mut encoder)
        }
    }

    #[test]
    fn failures_begin_at_nothing_and_times_are_by_what_is_told() {
        let published = Published::default();
        published.done(News::Identity, Duration::from_millis(3));
        published.failed(News::Slices);
        let text = Metrics::with_prefix("skep_agent", published.clone()).encode();
        for line in [
            "skep_agent_publishing_failures_total{what=\"node\"} 0",
            "skep_agent_publishing_failures_total{what=\"slices\"} 1",
            "skep_agent_publishing_seconds_count{what=\"identity\"} 1",
            "skep_agent_publishing_seconds_bucket{le=\"0.004\",what=\"identity\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
