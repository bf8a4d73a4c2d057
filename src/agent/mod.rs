//! The node agent: wiring only.

mod cluster;
mod endpoint;
mod error;
mod identity;
mod node;
mod pods;
mod run;

pub use error::AgentError;
pub use run::run;
