//! Bringing a lab up: all of it, or nothing.

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    construct,
    error::UpError,
    populate::{Populated, populate},
    revive,
};
use crate::{
    config::Routing,
    kernel,
    lab::{
        down,
        host::cgroup,
        inspect::{self, Condition, Gone},
        manifest::Manifest,
        readiness::Readiness,
        spec::{LabName, Shape},
        state::{LabDir, LabRecord},
    },
};

/// What to bring up.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// The lab.
    pub name: LabName,
    /// How it is to be.
    pub shape: Shape,
    /// Objects to create.
    pub manifests: Vec<Manifest>,
    /// Objects of another cluster, of which the skeleton is created.
    pub from: Vec<Manifest>,
    /// How long to wait for pods to be ready; none = not at all.
    pub wait: Option<Duration>,
}

/// A lab that is up.
#[derive(Clone, Debug)]
pub struct UpReport {
    /// What it was made of.
    pub record: LabRecord,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// What runs, and what does not yet.
    pub readiness: Readiness,
    /// What the user should know about the objects, in words.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Brings a lab up. Tells about each step by `tell`.
///
/// Where such a lab is there already and only processes of it have ended, those are started again;
/// what an earlier lab of this name has left otherwise is removed.
///
/// # Errors
/// When something is missing or fails, or `cancel` is; a new lab is gone again then.
pub async fn up(
    options: UpOptions,
    cancel: CancellationToken,
    tell: impl Fn(&str),
) -> Result<UpReport, UpError> {
    let begun = Instant::now();
    check(options.shape.routing.unwrap_or(Shape::ROUTING))?;
    let dir = LabDir::new(options.name.clone());
    let lock = {
        let dir = dir.clone();
        // Waits for a concurrent `up` or `down` of the same name.
        blocking(move || dir.lock().map_err(UpError::from)).await?
    };
    let report = |(record, Populated { readiness, notes }): (LabRecord, Populated)| {
        let kubeconfig = dir.kubeconfig();
        UpReport { record, kubeconfig, readiness, notes, took: begun.elapsed() }
    };
    match inspect::condition(&dir)? {
        Condition::Running => return Err(UpError::Exists { name: dir.name().to_string() }),
        Condition::Halted(gone) => {
            return go_on(&dir, &options, gone, &cancel, &tell).await.map(report);
        }
        Condition::Broken => {}
    }
    let error = match build(&dir, &options, &cancel, &tell).await {
        Ok(found) => return Ok(report(found)),
        Err(error) => error,
    };
    let removed = blocking(move || {
        let removed = down::tear_down(&dir);
        lock.remove().ok();
        Ok(removed)
    })
    .await?;
    match removed {
        Ok(()) => Err(error),
        Err(source) => Err(UpError::Leftovers { first: Box::new(error), source }),
    }
}

/// Looks for everything that can be missing, before anything is made.
fn check(routing: Routing) -> Result<(), UpError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(UpError::NotRoot);
    }
    kernel::require()?;
    kernel::require_bpffs_mount_point()?;
    cgroup::hierarchy()?;
    if routing == Routing::Vxlan {
        kernel::require_vxlan()?;
    }
    Ok(())
}

/// Starts again what has ended of a lab.
async fn go_on(
    dir: &LabDir,
    options: &UpOptions,
    gone: Gone,
    cancel: &CancellationToken,
    tell: &impl Fn(&str),
) -> Result<(LabRecord, Populated), UpError> {
    let record = revive::record(dir, options)?;
    tell(&format!("starting {gone} again"));
    let server = {
        let dir = dir.clone();
        blocking(move || revive::revive(&dir, gone)).await?
    };
    let rest = populate(dir, options, &record, server, tell);
    let mut found = cancel.run_until_cancelled(rest).await.unwrap_or(Err(UpError::Cancelled))?;
    let note = format!("lab {} was there and lacked {gone}, which runs again", dir.name());
    found.notes.insert(0, note);
    Ok((record, found))
}

/// Makes a lab.
async fn build(
    dir: &LabDir,
    options: &UpOptions,
    cancel: &CancellationToken,
    tell: &impl Fn(&str),
) -> Result<(LabRecord, Populated), UpError> {
    let record = LabRecord {
        spec: options.shape.spec(options.name.clone()),
        created: jiff::Timestamp::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    tell(&format!("making {} nodes", record.spec.nodes));
    let server = {
        let (dir, record) = (dir.clone(), record.clone());
        // Short, and waited for even when cancelled: tearing down must not race with it.
        blocking(move || construct::construct(&dir, &record)).await?
    };
    let rest = populate(dir, options, &record, Some(server), tell);
    let found = cancel.run_until_cancelled(rest).await.unwrap_or(Err(UpError::Cancelled))?;
    Ok((record, found))
}

/// Runs short blocking work aside.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UpError> + Send + 'static,
) -> Result<T, UpError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
