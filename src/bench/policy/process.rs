//! What the measuring process uses: memory, and a directory.

use std::{fs, io, path::PathBuf};

use super::measure::PolicyBenchError;

/// Forgets the peak of this process's memory; returns what it uses now, in MiB.
pub(super) fn reset_peak() -> Result<f64, PolicyBenchError> {
    let failed = |source| PolicyBenchError::Io { act: "reset the peak of memory", source };
    fs::write("/proc/self/clear_refs", "5").map_err(failed)?;
    status("VmRSS:")
}

/// Returns the memory that this process has, in MiB.
///
/// # Errors
/// When the system does not say.
pub(in crate::bench) fn resident() -> Result<f64, PolicyBenchError> {
    status("VmRSS:")
}

/// Returns a line of this process's status, in MiB.
pub(super) fn status(field: &str) -> Result<f64, PolicyBenchError> {
    let failed = |source| PolicyBenchError::Io { act: "read the memory of this process", source };
    let text = fs::read_to_string("/proc/self/status").map_err(failed)?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))? / 1024.0)
}

/// A directory that goes away with this value.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    /// Makes one; no two of a process have the same name.
    pub(super) fn new(name: &str) -> Result<Self, PolicyBenchError> {
        let path = std::env::temp_dir().join(format!("skep-bench-{name}-{}", std::process::id()));
        let failed = |source| PolicyBenchError::Io { act: "make a temporary directory", source };
        fs::create_dir(&path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "cannot remove a temporary directory");
        }
    }
}
