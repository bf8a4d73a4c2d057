//! Making everything of a lab that is not a Kubernetes object, and starting its processes.

use std::{
    ffi::OsString,
    fs,
    io::Read,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use nix::errno::Errno;

use super::error::UpError;
use crate::lab::{
    down, fabric,
    host::{
        cgroup::Cgroup,
        launch::{Entry, skep},
        mounts,
    },
    inspect, node,
    plan::NodePlan,
    state::{self, LabDir, LabRecord, create_dir, failed, is_full},
    world::WorldNames,
};

/// How long the world's servers may take until they listen.
const WORLD_WITHIN: Duration = Duration::from_secs(30);
/// What the world's process is for.
const WORLD: &str = "the world's servers";
/// How much of a log is shown with an error.
const TAIL: usize = 600;

/// Makes everything that is not a Kubernetes object; returns the lab's process.
pub(super) fn construct(dir: &LabDir, record: &LabRecord) -> Result<Child, UpError> {
    // What an earlier lab of this name left.
    down::tear_down(dir).map_err(|source| UpError::Leftovers {
        first: Box::new(UpError::Exists { name: dir.name().to_string() }),
        source,
    })?;
    create_dir(dir.path())?;
    mounts::isolate(dir.path())?;
    create_dir(&dir.logs())?;
    dir.write_record(record)?;
    let families = record.spec.ip_family;
    fabric::create(dir, families)?;
    WorldNames::built_in().write(dir)?;
    let world = start_world(dir)?;
    let plans = (1..=record.spec.nodes).map(|number| NodePlan::new(number, &record.spec));
    thread::scope(|scope| {
        let workers: Vec<_> = plans
            .map(|plan| {
                scope.spawn(move || {
                    node::create(dir, &plan, families)
                        .map_err(|source| UpError::Node { name: plan.name, source })
                })
            })
            .collect();
        workers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .try_for_each(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    await_world(dir, record, world)?;
    // From here on the lab can do with new processes.
    state::write(&inspect::whole_file(dir), b"whole\n")?;
    start_server(dir)
}

/// Starts the lab's process.
pub(super) fn start_server(dir: &LabDir) -> Result<Child, UpError> {
    let command = skep(["lab", "serve", "--name", dir.name().as_str()]);
    start(dir, "lab", vec![], command, Stdio::null(), "the lab's process")
}

/// The world's process, and what hangs up when it listens.
type World = (Child, UnixStream);

/// Starts the servers of the world.
pub(super) fn start_world(dir: &LabDir) -> Result<World, UpError> {
    let failed = |source| UpError::Start { what: WORLD, source };
    let (near, far) = UnixStream::pair().map_err(failed)?;
    near.set_read_timeout(Some(WORLD_WITHIN)).map_err(failed)?;
    let command = skep(["lab", "world", "serve", "--name", dir.name().as_str()]);
    let input = Stdio::from(OwnedFd::from(far));
    let child = start(dir, "world", vec![dir.world()], command, input, WORLD)?;
    Ok((child, near))
}

/// Waits until the world's servers hang up, which they do when they listen and when they end.
pub(super) fn listens(dir: &LabDir, (mut child, mut line): World) -> Result<(), UpError> {
    let failed = |source| UpError::Start { what: WORLD, source };
    line.read(&mut [0]).map_err(failed)?;
    match child.try_wait() {
        Ok(None) => Ok(()),
        _ => Err(ended(dir, UpError::World { log: log_tail(dir, "world") })),
    }
}

/// Waits for the world's servers and gives their authority's certificate to the nodes.
fn await_world(dir: &LabDir, record: &LabRecord, world: World) -> Result<(), UpError> {
    listens(dir, world)?;
    for number in 1..=record.spec.nodes {
        dir.give_world_authority(&NodePlan::new(number, &record.spec).name)?;
    }
    Ok(())
}

fn start(
    dir: &LabDir,
    group: &str,
    places: Vec<PathBuf>,
    command: Vec<OsString>,
    input: Stdio,
    what: &'static str,
) -> Result<Child, UpError> {
    let cgroup = Cgroup::of_lab(dir.name().as_str())?.child(group);
    cgroup.create()?;
    let path = dir.logs().join(format!("{group}.log"));
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|source| failed("open", &path, source))?;
    let failed = |source| UpError::Start { what, source };
    let entry = Entry {
        cgroup: Some(cgroup.path().to_owned()),
        places,
        session: true,
        terminal: false,
        command,
    };
    entry
        .to_command()
        .current_dir("/")
        .stdin(input)
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)
}

/// Returns why a process ended: on a full disk its log is silent about that.
pub(super) fn ended(dir: &LabDir, otherwise: UpError) -> UpError {
    if is_full(dir.path()) {
        failed("write below", dir.path(), Errno::ENOSPC.into()).into()
    } else {
        otherwise
    }
}

/// Returns the end of a process's log.
pub(super) fn log_tail(dir: &LabDir, of: &str) -> String {
    let text = fs::read_to_string(dir.logs().join(format!("{of}.log"))).unwrap_or_default();
    let text = text.trim_end();
    let start = (text.len().saturating_sub(TAIL)..text.len()).find(|at| text.is_char_boundary(*at));
    text[start.unwrap_or(0)..].to_owned()
}
