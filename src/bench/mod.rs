//! Side-by-side benchmarks: what users measure, against what limits it and what they would run
//! otherwise.

mod node;

pub use node::{NodeError, StandaloneNode, StandalonePod};
