//! Failures in CNI's terms, as plugin and agent make them.

use crate::cni::wire::Failure;

/// Codes of the specification that skep uses.
pub(crate) mod code {
    /// The version is not supported.
    pub(crate) const INCOMPATIBLE_VERSION: u32 = 1;
    /// A field is not supported.
    pub(crate) const UNSUPPORTED_FIELD: u32 = 2;
    /// The container is unknown or gone.
    pub(crate) const UNKNOWN_CONTAINER: u32 = 3;
    /// An environment variable is missing or invalid.
    pub(crate) const INVALID_ENVIRONMENT: u32 = 4;
    /// Input or output failed.
    pub(crate) const IO_FAILURE: u32 = 5;
    /// The configuration is not JSON.
    pub(crate) const DECODE_FAILURE: u32 = 6;
    /// The configuration is not usable.
    pub(crate) const INVALID_CONFIG: u32 = 7;
    /// Try again later.
    pub(crate) const TRY_LATER: u32 = 11;
    /// The plugin cannot serve ADD.
    pub(crate) const NOT_AVAILABLE: u32 = 50;
    /// The plugin cannot serve ADD, and connected containers may suffer.
    pub(crate) const NOT_AVAILABLE_LIMITED: u32 = 51;
    /// The network of a container is not as ADD left it.
    pub(crate) const CHECK_FAILED: u32 = 100;
    /// The kernel or the datapath refused.
    pub(crate) const DATAPATH: u32 = 101;
}

impl Failure {
    pub(crate) fn new(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: String::new() }
    }

    /// Adds an error and its sources as details.
    pub(crate) fn because(mut self, error: &dyn std::error::Error) -> Self {
        self.details = error.to_string();
        let mut source = error.source();
        while let Some(next) = source {
            self.details = format!("{}: {next}", self.details);
            source = next.source();
        }
        self
    }
}
