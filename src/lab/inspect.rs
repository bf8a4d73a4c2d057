//! Looking at labs: what is up, and how it does.

use std::{ffi::OsString, fmt, fs, io, path::PathBuf, time::Duration};

use tokio::time::timeout;

use super::{
    client,
    host::{
        cgroup::{Cgroup, CgroupError},
        launch::Entry,
        mounts,
    },
    plan::NodePlan,
    power::{self, Power},
    readiness::{self, Readiness},
    serve,
    state::{LabDir, LabRecord, StateError, failed},
};

/// How long a lab's API server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A command cannot be run on a node.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// There is no such node.
    #[error(transparent)]
    State(#[from] StateError),
    /// It has no control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
}

/// How a lab does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its processes live.
    Running,
    /// Processes of it have ended, and all the rest is there: `up` starts them again.
    Halted(Gone),
    /// It is there in part: `down` or `up` cleans it up.
    Broken,
}

impl Condition {
    /// Tells whether the API server, the controllers and the kubelets run.
    pub fn serves(self) -> bool {
        matches!(self, Self::Running | Self::Halted(Gone { server: false, .. }))
    }

    /// Returns it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Halted(_) => "halted",
            Self::Broken => "broken",
        }
    }
}

/// Which processes of a lab have ended. Those of pods are its kubelets' business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The lab's process.
    pub server: bool,
    /// The world's.
    pub world: bool,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = "the API server with controllers and kubelets";
        let world = "the world's servers";
        match (self.server, self.world) {
            (true, true) => write!(f, "{server}, and {world}"),
            (true, false) => f.write_str(server),
            _ => f.write_str(world),
        }
    }
}

/// A lab, seen from outside.
#[derive(Clone, Debug)]
pub struct LabStatus {
    /// What it was made of; none when that was lost.
    pub record: Option<LabRecord>,
    /// Its condition.
    pub condition: Condition,
    /// What its API server says; none when it does not answer.
    pub readiness: Option<Readiness>,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
}

/// A node of a lab.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// Name.
    pub name: String,
    /// Addresses on the underlay.
    pub addresses: Vec<String>,
    /// Networks of its pods.
    pub pod_cidrs: Vec<String>,
    /// Whether any process runs on it.
    pub active: bool,
}

/// Tells how a lab is, from its directory alone.
///
/// # Errors
/// When control groups cannot be read.
pub fn condition(dir: &LabDir) -> Result<Condition, CgroupError> {
    let group = Cgroup::of_lab(dir.name().as_str())?;
    let ends = |name: &str| group.child(name).processes().is_empty();
    let gone =
        Gone { server: ends("lab") || !serve::ready_file(dir).exists(), world: ends("world") };
    Ok(match gone {
        Gone { server: false, world: false } => Condition::Running,
        gone if is_whole(dir) => Condition::Halted(gone),
        _ => Condition::Broken,
    })
}

/// Returns the file that says that everything but the objects has been made.
pub(crate) fn whole_file(dir: &LabDir) -> PathBuf {
    dir.path().join("whole")
}

/// Tells whether everything is there that processes of the lab run in: after a reboot there are
/// files at most.
fn is_whole(dir: &LabDir) -> bool {
    let (Ok(record), Ok(mounts)) = (dir.record(), mounts::table()) else { return false };
    let nodes = (1..=record.spec.nodes).map(|number| NodePlan::new(number, &record.spec).name);
    let on = nodes.filter(|node| !matches!(power::wanted(dir, node), Ok(Power::Off)));
    let mut places =
        [dir.fabric(), dir.world()].into_iter().chain(on.map(|node| dir.node(&node).path().into()));
    let held = |place: PathBuf| mounts.iter().any(|mount| mount.target == place.join("net"));
    whole_file(dir).exists() && places.all(held)
}

/// Tells how a lab and its parts are.
///
/// # Errors
/// When control groups cannot be read.
pub async fn status(dir: &LabDir) -> Result<LabStatus, CgroupError> {
    let condition = condition(dir)?;
    let record = dir.record().ok();
    let mut nodes = Vec::new();
    let mut readiness = None;
    if let Some(record) = &record {
        let group = Cgroup::of_lab(dir.name().as_str())?;
        for number in 1..=record.spec.nodes {
            let plan = NodePlan::new(number, &record.spec);
            nodes.push(NodeStatus {
                active: group.child(&plan.name).is_populated()?,
                addresses: plan.ips().map(|ip| ip.to_string()).collect(),
                pod_cidrs: plan.pod_cidrs.iter().map(ToString::to_string).collect(),
                name: plan.name,
            });
        }
        if condition.serves() {
            let ask = async {
                let client = client::connect(&dir.kubeconfig()).await.ok()?;
                readiness::read(&client, record.spec.nodes).await.ok()
            };
            readiness = timeout(ANSWER_WITHIN, ask).await.ok().flatten();
        }
    }
    Ok(LabStatus { record, condition, readiness, nodes })
}

/// Returns how to run a command on a node, or in the fabric or the world.
///
/// # Errors
/// When there is no such node.
pub fn entry(dir: &LabDir, node: &str, command: Vec<OsString>) -> Result<Entry, EntryError> {
    let place = match node {
        "fabric" => dir.fabric(),
        "world" => dir.world(),
        _ => dir.existing_node(node)?.path().to_owned(),
    };
    let cgroup = Cgroup::of_lab(dir.name().as_str())?.child(node).child("exec");
    cgroup.create()?;
    Ok(Entry {
        cgroup: Some(cgroup.path().to_owned()),
        places: vec![place],
        session: false,
        terminal: false,
        command,
    })
}

/// Returns the log of a node's agent: of the latest run, or all files of older ones before it.
///
/// # Errors
/// When the node has no agent's log.
pub fn agent_log(dir: &LabDir, node: &str) -> Result<PathBuf, StateError> {
    dir.existing_node(node)?;
    let logs = dir.logs().join(node);
    let entries = fs::read_dir(&logs).map_err(|source| failed("read", &logs, source))?;
    let agents = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("kube-system_skep-") && !name.starts_with("kube-system_skep-operator-")
    });
    let files =
        agents.flat_map(|entry| fs::read_dir(entry.path().join("agent")).into_iter().flatten());
    // Beside each log is the index of its times.
    let newest = files
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "log"))
        .max_by_key(|file| file.metadata().and_then(|metadata| metadata.modified()).ok());
    newest
        .map(|file| file.path())
        .ok_or_else(|| failed("find the agent's log in", &logs, io::ErrorKind::NotFound.into()))
}
