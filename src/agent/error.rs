//! Why the agent ends.

use std::path::PathBuf;

/// The agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent holds this node's state.
    #[error("another skep agent runs on this node: it holds {path}")]
    AlreadyRunning {
        /// The lock file.
        path: PathBuf,
    },
}
