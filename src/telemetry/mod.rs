//! Logs and metrics.

mod logs;
mod metrics;

pub use logs::{Level, init};
pub use metrics::Metrics;
