//! Attaching.

use std::path::Path;

use super::AttachError;

/// Detaches every program of the datapath with this directory from the devices of the current
/// network namespace, and removes all its pins. Goes on after a failure and returns the first one.
///
/// # Errors
/// When something could not be removed.
pub fn remove_all(_bpf_dir: &Path) -> Result<(), AttachError> {
    todo!()
}
