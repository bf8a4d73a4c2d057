//! Why the operator ends.

/// The operator cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// There is no way to the API server.
    #[error("cannot set up the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
}
