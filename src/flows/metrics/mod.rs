//! Counters of flows with Hubble's names, labels and options, so that dashboards made for it work.
//!
//! A list of [`MetricSpec`]s says what is counted; [`FlowMetrics`] counts records as they are stored, and
//! is read when somebody asks. Names and labels: `pkg/hubble/metrics` of Cilium.

mod context;
mod count;
mod key;
mod series;
mod set;
mod spec;
#[cfg(test)]
mod tests;
mod told;
mod traffic;

pub use set::FlowMetrics;
pub use spec::{InvalidMetric, MetricSpec, MetricSpecs};
