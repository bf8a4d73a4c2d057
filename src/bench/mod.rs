//! Side-by-side benchmarks: what users measure, against what limits it and what they would run
//! otherwise.
//!
//! Figures of one machine at one moment mean little, ratios within a round mean much: each round
//! measures every network once, in rotating order, and a result is the median of the rounds' ratios
//! with its interval. Two equal networks are compared too; when they differ, so does the noise.

mod compare;
mod error;
mod load;
mod node;
mod programs;
mod report;
mod run;
mod stats;
mod topology;

pub use error::BenchError;
pub use node::{NodeError, StandaloneNode, StandalonePod};
pub use report::{Machine, Report, Row};
pub use run::{Options, Progress, run};
pub use stats::{Goal, Verdict};
