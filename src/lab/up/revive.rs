//! Starting the processes of a lab again that have ended; everything else of it is there.
//!
//! Nothing watches over the lab's process: whatever did would be one more process to watch over.
//! Agents and pods do without it, so that it can be started again whenever somebody misses it.

use std::fs;

use super::{UpOptions, construct, error::UpError};
use crate::lab::{
    host::cgroup::Cgroup,
    inspect::Gone,
    serve,
    state::{LabDir, LabRecord, failed},
};

/// Starts what is gone; returns the lab's process if that was.
pub(super) fn revive(dir: &LabDir, gone: Gone) -> Result<Option<std::process::Child>, UpError> {
    if gone.world {
        construct::listens(dir, construct::start_world(dir)?)?;
    }
    if !gone.server {
        return Ok(None);
    }
    let ready = serve::ready_file(dir);
    if ready.exists() {
        fs::remove_file(&ready).map_err(|source| failed("remove", &ready, source))?;
    }
    // One that never became ready.
    Cgroup::of_lab(dir.name().as_str())?.child("lab").kill()?;
    construct::start_server(dir).map(Some)
}

/// Returns the lab's description, if that is what was asked for.
pub(super) fn record(dir: &LabDir, options: &UpOptions) -> Result<LabRecord, UpError> {
    let record = dir.record()?;
    match options.shape.misfit(&record.spec) {
        None => Ok(record),
        Some(settings) => Err(UpError::Other { name: dir.name().to_string(), settings }),
    }
}
