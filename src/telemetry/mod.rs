//! Logs and metrics.

mod logs;
mod metrics;
mod process;

pub use logs::{Level, init};
pub use metrics::Metrics;
