//! Why the operator ends.

use crate::{api::http::HttpError, kubernetes::ClientError};

/// The operator cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// There is no way to the API server.
    #[error("cannot set up the Kubernetes client")]
    Client(#[from] ClientError),
    /// Metrics and health cannot be served.
    #[error("cannot serve metrics and health")]
    Serve(#[from] HttpError),
    /// Signals cannot be awaited.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}
