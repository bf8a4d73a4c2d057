//! Bringing a lab up: all of it, or nothing.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use kube::Client;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    apply::{self, ApplyError},
    client::{self, ConnectError},
    down::{self, DownError},
    fabric::{self, FabricError},
    host::{
        cgroup::{self, Cgroup, CgroupError},
        launch::{Entry, skep},
        mounts::{self, MountError},
    },
    manifest::{self, Manifest, Values},
    node::{self, NodeError},
    plan::NodePlan,
    readiness::{self, Readiness},
    serve,
    spec::LabSpec,
    state::{self, LabDir, LabRecord, StateError, create_dir},
    world::WorldNames,
};
use crate::{
    config::Routing,
    kernel::{self, MissingFeature},
};

/// How long the lab's process may take until its API can be used.
const API_WITHIN: Duration = Duration::from_secs(30);
/// How long the world's servers may take until they listen.
const WORLD_WITHIN: Duration = Duration::from_secs(30);
/// What the world's process is for.
const WORLD: &str = "the world's servers";
/// How often files and objects are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How much of a log is shown with an error.
const TAIL: usize = 600;

/// A lab could not be brought up; nothing of it is left, unless `Leftovers` says so.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Not root.
    #[error("a lab makes network namespaces and loads eBPF programs, which needs root")]
    NotRoot,
    /// The kernel lacks something.
    #[error("this machine cannot run a lab")]
    Missing(#[from] MissingFeature),
    /// There is such a lab.
    #[error("lab {name:?} is up already")]
    Exists {
        /// Its name.
        name: String,
    },
    /// Files or directories could not be made.
    #[error("cannot prepare the lab's directory")]
    State(#[from] StateError),
    /// Mounts could not be made.
    #[error("cannot prepare the lab's directory")]
    Mount(#[from] MountError),
    /// Control groups could not be made.
    #[error("cannot prepare control groups")]
    Cgroup(#[from] CgroupError),
    /// The fabric could not be built.
    #[error("cannot build the fabric")]
    Fabric(#[from] FabricError),
    /// A node could not be made.
    #[error("cannot make node {name}")]
    Node {
        /// Its name.
        name: String,
        /// The reason.
        #[source]
        source: NodeError,
    },
    /// A process could not be started.
    #[error("cannot start {what}")]
    Start {
        /// What it is for.
        what: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The lab's process ended.
    #[error("the lab's process ended: {log}")]
    Ended {
        /// The end of its log.
        log: String,
    },
    /// The world's process ended.
    #[error("the world's servers ended: {log}")]
    World {
        /// The end of its log.
        log: String,
    },
    /// The lab's process does not become ready.
    #[error("the lab's API server does not start: {log}")]
    Silent {
        /// The end of its log.
        log: String,
    },
    /// The API server cannot be reached.
    #[error("cannot connect to the lab's API server")]
    Connect(#[from] ConnectError),
    /// A manifest was refused.
    #[error("cannot create the manifests' objects")]
    Apply(#[from] ApplyError),
    /// The objects cannot be read.
    #[error("cannot read the lab's objects")]
    Read(#[source] Box<kube::Error>),
    /// A signal came.
    #[error("interrupted")]
    Cancelled,
    /// Failed, and cleaning up failed too.
    #[error("{first}, and cleaning up failed")]
    Leftovers {
        /// What failed first.
        first: Box<UpError>,
        /// What remains.
        #[source]
        source: DownError,
    },
}

/// What to bring up.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// The lab.
    pub spec: LabSpec,
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
/// # Errors
/// When something is missing or fails, or `cancel` is; the lab is gone again then.
pub async fn up(
    options: UpOptions,
    cancel: CancellationToken,
    tell: impl Fn(&str),
) -> Result<UpReport, UpError> {
    let begun = Instant::now();
    check(&options.spec)?;
    let dir = LabDir::new(options.spec.name.clone());
    let lock = {
        let dir = dir.clone();
        // Waits for a concurrent `up` or `down` of the same name.
        blocking(move || dir.lock().map_err(UpError::from)).await?
    };
    if is_running(&dir)? {
        return Err(UpError::Exists { name: dir.name().to_string() });
    }
    let error = match build(&dir, &options, &cancel, &tell).await {
        Ok((record, Populated { readiness, notes })) => {
            let kubeconfig = dir.kubeconfig();
            return Ok(UpReport { record, kubeconfig, readiness, notes, took: begun.elapsed() });
        }
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
fn check(spec: &LabSpec) -> Result<(), UpError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(UpError::NotRoot);
    }
    kernel::require()?;
    kernel::require_bpffs_mount_point()?;
    cgroup::hierarchy()?;
    if spec.routing == Routing::Vxlan {
        kernel::require_vxlan()?;
    }
    Ok(())
}

/// Tells whether the lab's process lives. Anything else by that name is a leftover.
fn is_running(dir: &LabDir) -> Result<bool, UpError> {
    let serving = own_group(dir)?.is_populated()?;
    Ok(serving && serve::ready_file(dir).exists())
}

/// The group of the lab's own process.
fn own_group(dir: &LabDir) -> Result<Cgroup, CgroupError> {
    Ok(Cgroup::of_lab(dir.name().as_str())?.child("lab"))
}

async fn build(
    dir: &LabDir,
    options: &UpOptions,
    cancel: &CancellationToken,
    tell: &impl Fn(&str),
) -> Result<(LabRecord, Populated), UpError> {
    let record = LabRecord {
        spec: options.spec.clone(),
        created: jiff::Timestamp::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    tell(&format!("making {} nodes", options.spec.nodes));
    let mut server = {
        let (dir, record) = (dir.clone(), record.clone());
        // Short, and waited for even when cancelled: tearing down must not race with it.
        blocking(move || construct(&dir, &record)).await?
    };
    let rest = populate(dir, options, &record, &mut server, tell);
    let found = cancel.run_until_cancelled(rest).await.unwrap_or(Err(UpError::Cancelled))?;
    Ok((record, found))
}

/// What has become of the objects.
struct Populated {
    readiness: Readiness,
    notes: Vec<String>,
}

/// Waits for the API, creates the objects and waits for them.
async fn populate(
    dir: &LabDir,
    options: &UpOptions,
    record: &LabRecord,
    server: &mut Child,
    tell: &impl Fn(&str),
) -> Result<Populated, UpError> {
    tell("starting the API server");
    await_api(dir, server).await?;
    let client = client::connect(&dir.kubeconfig()).await?;
    let deadline = options.wait.map(|wait| Instant::now() + wait);
    if deadline.is_some() {
        tell("waiting for nodes");
        // Pods made before are all put on the first node that is ready.
        await_ready(&client, record, deadline).await?;
    }
    let mut notes = create_objects(&client, options, tell).await?;
    if !Path::new("/etc/resolv.conf").exists() {
        notes.push("this machine has no /etc/resolv.conf (an empty one would do), so pods resolve no names".to_owned());
    }
    if deadline.is_some() {
        tell("waiting for pods");
    }
    Ok(Populated { readiness: await_ready(&client, record, deadline).await?, notes })
}

/// Creates the user's objects; returns what the user should know about them.
async fn create_objects(
    client: &Client,
    options: &UpOptions,
    tell: &impl Fn(&str),
) -> Result<Vec<String>, UpError> {
    let skeleton = manifest::skeleton(options.from.clone(), Values::Kept);
    let mut notes = skeleton.notes;
    let manifests = [skeleton.manifests, options.manifests.clone()].concat();
    if manifests.is_empty() {
        return Ok(notes);
    }
    tell(&format!("creating {} objects", manifests.len()));
    notes.extend(apply::apply(client, &manifests).await?);
    let limits = manifest::not_simulated(&manifests);
    notes.extend(limits.into_iter().map(|limit| format!("not simulated: {limit}")));
    Ok(notes)
}

/// Waits until everything is ready or the time has come; returns what was last found.
async fn await_ready(
    client: &Client,
    record: &LabRecord,
    deadline: Option<Instant>,
) -> Result<Readiness, UpError> {
    loop {
        let found = readiness::read(client, record.spec.nodes)
            .await
            .map_err(|error| UpError::Read(Box::new(error)))?;
        if found.is_ready() || deadline.is_none_or(|deadline| Instant::now() > deadline) {
            return Ok(found);
        }
        sleep(LOOK * 2).await;
    }
}

/// Makes everything that is not a Kubernetes object; returns the lab's process.
fn construct(dir: &LabDir, record: &LabRecord) -> Result<Child, UpError> {
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
    let command = skep(["lab", "serve", "--name", dir.name().as_str()]);
    start(dir, "lab", vec![], command, Stdio::null(), "the lab's process")
}

/// Starts the servers of the world.
fn start_world(dir: &LabDir) -> Result<(Child, UnixStream), UpError> {
    let failed = |source| UpError::Start { what: WORLD, source };
    WorldNames::built_in().write(dir)?;
    let (near, far) = UnixStream::pair().map_err(failed)?;
    near.set_read_timeout(Some(WORLD_WITHIN)).map_err(failed)?;
    let command = skep(["lab", "world", "serve", "--name", dir.name().as_str()]);
    let input = Stdio::from(OwnedFd::from(far));
    let child = start(dir, "world", vec![dir.world()], command, input, WORLD)?;
    Ok((child, near))
}

/// Waits until the world's servers hang up, which they do when they listen and when they end, and
/// gives their authority's certificate to the nodes.
fn await_world(
    dir: &LabDir,
    record: &LabRecord,
    (mut child, mut line): (Child, UnixStream),
) -> Result<(), UpError> {
    let failed = |source| UpError::Start { what: WORLD, source };
    line.read(&mut [0]).map_err(failed)?;
    if !matches!(child.try_wait(), Ok(None)) {
        return Err(UpError::World { log: log_tail(dir, "world") });
    }
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
        .map_err(|source| state::failed("open", &path, source))?;
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

/// Waits until the lab's process says that its API can be used.
async fn await_api(dir: &LabDir, server: &mut Child) -> Result<(), UpError> {
    let ready = serve::ready_file(dir);
    let deadline = Instant::now() + API_WITHIN;
    while !ready.exists() {
        if !matches!(server.try_wait(), Ok(None)) {
            return Err(UpError::Ended { log: log_tail(dir, "lab") });
        }
        if Instant::now() > deadline {
            return Err(UpError::Silent { log: log_tail(dir, "lab") });
        }
        sleep(LOOK).await;
    }
    Ok(())
}

fn log_tail(dir: &LabDir, of: &str) -> String {
    let text = fs::read_to_string(dir.logs().join(format!("{of}.log"))).unwrap_or_default();
    let text = text.trim_end();
    let start = (text.len().saturating_sub(TAIL)..text.len()).find(|at| text.is_char_boundary(*at));
    text[start.unwrap_or(0)..].to_owned()
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
