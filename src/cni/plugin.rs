//! `skep-cni`: what the container runtime runs for each pod.

use std::process::ExitCode;

/// Runs the plugin: environment and standard input in, one JSON document out.
pub fn main() -> ExitCode {
    ExitCode::FAILURE
}
