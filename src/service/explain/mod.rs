//! Why a backend is or is not used.

mod answer;
mod build;

pub use answer::{Client, Endpoint, Explanation, NoFrontend, Verdict};
pub use build::explain;
