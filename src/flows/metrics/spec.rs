//! Which metrics are counted, as people write it.

use std::{fmt, str::FromStr};

use super::{context::Context, count::Count};

/// Metrics that are counted unless somebody says otherwise.
const DEFAULT: &str = "drop flow flows-to-world icmp policy port-distribution tcp traffic";

/// Whose bytes are counted unless somebody says otherwise: those of workloads, and of who has none.
const TRAFFIC: &str = "workload|pod|reserved-identity|identity";

/// Metrics of layer 7: known, so that lists made for Hubble are taken, but there are no such flows yet.
const LAYER_7: [&str; 5] = ["dns", "http", "httpV2", "kafka", "sctp"];

/// A list of metrics, separated by white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSpecs {
    /// What is counted, each once.
    pub metrics: Vec<MetricSpec>,
    /// What is known, but has nothing to count yet.
    pub silent: Vec<String>,
    text: String,
}

/// One metric: `NAME` or `NAME:OPTION=VALUE;OPTION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    pub(super) count: Count,
    pub(super) context: Context,
}

/// A list of metrics makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetric {
    /// There is no such metric.
    #[error("there is no metric {0:?}; there are {names}", names = known().join(", "))]
    Name(String),
    /// It is there twice.
    #[error("metric {0} is there twice")]
    Twice(&'static str),
    /// It has no such option.
    #[error("metric {metric} has no option {option:?}")]
    Option {
        /// The metric.
        metric: &'static str,
        /// The option.
        option: String,
    },
    /// A value of an option means nothing.
    #[error("{value:?} is no value of option {option}; there are {known}")]
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// All that mean something.
        known: String,
    },
}

fn known() -> Vec<&'static str> {
    Count::all().map(Count::name).chain(LAYER_7).collect()
}

impl Default for MetricSpecs {
    fn default() -> Self {
        DEFAULT.parse().expect("a list that a test reads")
    }
}

impl FromStr for MetricSpecs {
    type Err = InvalidMetric;

    fn from_str(text: &str) -> Result<Self, InvalidMetric> {
        let mut metrics: Vec<MetricSpec> = Vec::new();
        let mut silent = Vec::new();
        for word in text.split_whitespace() {
            let (name, options) = word.split_once(':').unwrap_or((word, ""));
            if LAYER_7.contains(&name) {
                silent.push(name.to_owned());
                continue;
            }
            let metric = MetricSpec::parse(name, options)?;
            if metrics.iter().any(|other| other.count.name() == metric.count.name()) {
                return Err(InvalidMetric::Twice(metric.count.name()));
            }
            metrics.push(metric);
        }
        Ok(Self { metrics, silent, text: text.to_owned() })
    }
}

impl fmt::Display for MetricSpecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl MetricSpec {
    fn parse(name: &str, options: &str) -> Result<Self, InvalidMetric> {
        let mut count = Count::all()
            .find(|count| count.name() == name)
            .ok_or_else(|| InvalidMetric::Name(name.to_owned()))?;
        let mut context = Context::default();
        for part in options.split(';').filter(|part| !part.is_empty()) {
            let (option, value) = part.split_once('=').unwrap_or((part, ""));
            if !count.set(option) && !context.set(option, value)? {
                let option = option.to_owned();
                return Err(InvalidMetric::Option { metric: count.name(), option });
            }
        }
        if count == Count::Traffic && context == Context::default() {
            context.set("sourceContext", TRAFFIC)?;
            context.set("destinationContext", TRAFFIC)?;
        }
        Ok(Self { count, context })
    }

    /// Returns the names of its labels.
    pub(super) fn labels(&self) -> Vec<&'static str> {
        self.count.labels().iter().copied().chain(self.context.labels()).collect()
    }
}
