//! The node agent: wiring only.

mod cluster;
mod error;
mod identity;
mod run;

pub use error::AgentError;
pub use run::run;
