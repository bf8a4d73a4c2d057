//! Why a packet passes or not: both sides, the deciding rule, and why the others lost.

mod build;
mod outcome;
mod words;

pub use build::{Candidate, Explanation, SideReport, explain};
pub use outcome::Outcome;
pub use words::{RuleWords, peers, ports, selector};
