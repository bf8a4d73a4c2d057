//! The node agent: wiring only.

mod error;
mod run;

pub use error::AgentError;
pub use run::run;
