//! Measuring services, in a process of its own: memory and connections are its own, too.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::{
    ServicePart,
    connect::{sample, serve},
    peers::{Peer, PeerError},
    workload,
};
use crate::{
    bench::{
        node::{NodeError, Room, StandaloneNode},
        policy::{PolicyBenchError, resident},
        rounds::{Schedule, Series, measure},
        worker::pin_to_last_cpu,
    },
    kernel::{AttachError, AttachMode, KernelMaps, NetNs, NetNsError},
    maps::{MapError, ServiceWriter, service_differences},
    service::{Changes, Edit, Services, maglev::Limit},
};

const MANY: u32 = 10_000;
/// As many as a cluster may have.
const MOST: u32 = 50_000;
const FEW: u32 = 10;
/// How often many are programmed: single times differ by a half on a busy machine.
const PROGRAMMINGS: usize = 15;
/// How often most are.
const REPEATS: usize = 5;
/// Changes of one service.
const CHANGES: u32 = 2000;
const ROUNDS: Schedule = Schedule { rounds: 12, redos: 12 };

/// What was measured; nothing of the parts that were not asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceTimes {
    /// Milliseconds of each programming of all services.
    pub program: Vec<f64>,
    /// The same for as many services as a cluster may have.
    pub capacity: Vec<f64>,
    /// Milliseconds of each change of one service.
    pub change: Vec<f64>,
    /// MiB that all services take in the process.
    pub memory: f64,
    /// Microseconds of connect(), by [`subject`].
    pub(super) connect: Series,
}

/// To whom connections are made.
pub(super) mod subject {
    /// A backend.
    pub(in super::super) const BACKEND: usize = 0;
    /// The last service of few.
    pub(in super::super) const FEW: usize = 1;
    /// The last service of many.
    pub(in super::super) const MANY: usize = 2;
    /// The same with iptables' rules for few.
    pub(in super::super) const IPTABLES_FEW: usize = 3;
    /// The same with iptables' rules for many.
    pub(in super::super) const IPTABLES_MANY: usize = 4;
    /// The same with nftables' rules for many.
    pub(in super::super) const NFTABLES_MANY: usize = 5;
    /// How many there are.
    pub(super) const ALL: usize = 6;
}

/// Services could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ServiceBenchError {
    /// The node could not be made.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its namespace could not be entered.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// Programs were refused on the control group.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A peer could not be made.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Maps refused services.
    #[error("cannot write services to the maps")]
    Services(#[from] crate::maps::ServiceError),
    /// What is in the maps is not what it should be.
    #[error("{count} entries of the maps differ, the first: {first}")]
    Differs {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// Maps cannot be read.
    #[error("cannot read the maps of services")]
    Maps(#[from] MapError),
    /// The memory of the process is not known.
    #[error(transparent)]
    Memory(#[from] PolicyBenchError),
    /// The system refused something.
    #[error("cannot {act}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Services and what of them is in the maps of a node.
struct Programmed {
    services: Services,
    writer: ServiceWriter,
}

impl Programmed {
    fn new() -> Self {
        Self { services: Services::default(), writer: ServiceWriter::default() }
    }

    fn follow(&mut self, maps: &KernelMaps, edits: Vec<Edit>) -> Result<(), ServiceBenchError> {
        let changes = self.services.apply(edits);
        self.writer.write(maps, &self.services, &changes)?;
        let _: Changes = self.services.release(changes.retired);
        Ok(())
    }
}

/// Measures parts of what there is to know about services. The process joins the control group at `cgroup`.
///
/// # Errors
/// When the kernel refuses something.
pub fn measure_services(
    cgroup: &Path,
    parts: &[ServicePart],
) -> Result<ServiceTimes, ServiceBenchError> {
    let mut times = ServiceTimes::default();
    for part in parts {
        match part {
            ServicePart::Program => (times.program, times.memory) = program()?,
            ServicePart::Capacity => times.capacity = capacity()?,
            ServicePart::Change => times.change = changes()?,
            ServicePart::Connect => times.connect = connects(cgroup)?,
        }
    }
    Ok(times)
}

/// Services on a new node, and what it took to program them.
struct Run {
    node: StandaloneNode,
    programmed: Programmed,
    milliseconds: f64,
    /// Memory of the process.
    mebibytes: f64,
}

impl Run {
    fn new(count: u32) -> Result<Self, ServiceBenchError> {
        let room = Room { backends: count * workload::ENDPOINTS * 2, ..Room::default() };
        let node = StandaloneNode::with_room(AttachMode::Auto, room)?;
        let maps = node.datapath().maps();
        let edits = all(count);
        let (before, start) = (resident()?, Instant::now());
        let mut programmed = Programmed::new();
        programmed.follow(&maps, edits)?;
        let milliseconds = milliseconds(start);
        Ok(Self { node, programmed, milliseconds, mebibytes: resident()? - before })
    }
}

/// Programs many services; how long that takes, and the memory of the first time: later ones reuse what it
/// gave back.
fn program() -> Result<(Vec<f64>, f64), ServiceBenchError> {
    let runs = (0..PROGRAMMINGS).map(|_| {
        let Run { milliseconds, mebibytes, .. } = Run::new(MANY)?;
        Ok((milliseconds, mebibytes))
    });
    let runs = runs.collect::<Result<Vec<_>, ServiceBenchError>>()?;
    let memory = runs.first().map_or(0.0, |(_, mebibytes)| *mebibytes);
    Ok((runs.into_iter().map(|(milliseconds, _)| milliseconds).collect(), memory))
}

/// Programs as many services as a cluster may have, and compares the maps with them.
fn capacity() -> Result<Vec<f64>, ServiceBenchError> {
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let run = Run::new(MOST)?;
        times.push(run.milliseconds);
        let (maps, services) = (run.node.datapath().maps(), &run.programmed.services);
        let found = service_differences(&*maps, services, Limit::default())?;
        if let Some(first) = found.first().cloned() {
            return Err(ServiceBenchError::Differs { count: found.len(), first });
        }
    }
    Ok(times)
}

fn all(count: u32) -> Vec<Edit> {
    (0..count).flat_map(|n| [workload::service(n), workload::endpoints(n, 0)]).collect()
}

/// One endpoint of a service goes and another comes.
fn changes() -> Result<Vec<f64>, ServiceBenchError> {
    let Run { node, mut programmed, .. } = Run::new(MANY)?;
    let maps = node.datapath().maps();
    let mut times = Vec::new();
    for n in 0..CHANGES {
        let number = n * 7 % MANY;
        let edit = workload::endpoints(number, 1 + n / MANY);
        let start = Instant::now();
        programmed.follow(&maps, vec![edit])?;
        times.push(milliseconds(start));
    }
    Ok(times)
}

/// A node with so many services, the last of which has a real backend.
struct Scene {
    node: StandaloneNode,
    server: SocketAddr,
    last: SocketAddr,
    group: PathBuf,
}

impl Scene {
    fn new(cgroup: &Path, count: u32) -> Result<Self, ServiceBenchError> {
        let group = cgroup.join(count.to_string());
        fs::create_dir(&group).map_err(failed("make a control group"))?;
        let room = Room { backends: MANY * workload::ENDPOINTS * 2, ..Room::default() };
        let node = StandaloneNode::with_room(AttachMode::Auto, room)?;
        node.datapath().attach_sockets(&group)?;
        let own = SocketAddr::new(IpAddr::V4(StandaloneNode::ADDRESS), 0);
        let server = node.netns().run(|| serve(own))?.map_err(failed("listen"))?;
        let mut edits = all(count);
        edits.push(workload::real_endpoint(count - 1, server));
        Programmed::new().follow(&node.datapath().maps(), edits)?;
        Ok(Self { node, server, last: workload::vip(count - 1), group })
    }

    /// Measures connections of this process as one of the node's.
    fn sample(&self, address: SocketAddr) -> Result<Vec<f64>, ServiceBenchError> {
        join(&self.group)?;
        self.node.netns().run(|| sample(address))?.map_err(failed("connect"))
    }
}

/// Moves this process into a control group.
fn join(group: &Path) -> Result<(), ServiceBenchError> {
    fs::write(group.join("cgroup.procs"), "0").map_err(failed("join a control group"))
}

/// Makes a peer with so many services.
fn peer(peer: Peer, count: u32) -> Result<NetNs, ServiceBenchError> {
    let own = IpAddr::V4(StandaloneNode::ADDRESS);
    peer.scene(count, own, || serve(SocketAddr::new(own, 0)).map_err(failed("listen")))
}

/// Connects to a backend, and to the last service of few and of many, of skep and of peers.
fn connects(cgroup: &Path) -> Result<Series, ServiceBenchError> {
    // Client and servers share a processor: what is measured is the path, not how another one wakes up.
    pin_to_last_cpu().map_err(failed("stay on one processor"))?;
    let (few, many) = (Scene::new(cgroup, FEW)?, Scene::new(cgroup, MANY)?);
    let iptables = [peer(Peer::Iptables, FEW)?, peer(Peer::Iptables, MANY)?];
    let nftables = peer(Peer::Nftables, MANY)?;
    let ask = |netns: &NetNs, count: u32| {
        // Where no program of skep sees the connection.
        join(cgroup)?;
        let vip = workload::vip(count - 1);
        netns.run(|| sample(vip))?.map_err(failed("connect"))
    };
    measure(ROUNDS, subject::ALL, |subject| match subject {
        subject::BACKEND => few.sample(few.server),
        subject::FEW => few.sample(few.last),
        subject::MANY => many.sample(many.last),
        subject::IPTABLES_FEW => ask(&iptables[0], FEW),
        subject::IPTABLES_MANY => ask(&iptables[1], MANY),
        _ => ask(&nftables, MANY),
    })
}

fn failed(act: &'static str) -> impl Fn(io::Error) -> ServiceBenchError {
    move |source| ServiceBenchError::Io { act, source }
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
