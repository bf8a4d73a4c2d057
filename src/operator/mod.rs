//! Cluster duties: identity collection, leader election.

mod error;
mod run;

pub use error::OperatorError;
pub use run::run;
