//! Set-up: from nothing, or from what an earlier agent left, to a datapath that enforces.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use nix::fcntl::{Flock, FlockArg};
use tokio::{
    net::UnixListener,
    runtime::Handle,
    sync::{Notify, watch},
    time::timeout,
};
use tracing::{info, warn};

use super::{
    AgentError,
    cache::{Cache, Snapshot},
    certificates::Certificates,
    chores::Chores,
    cluster::{Cluster, Place},
    endpoint::{Context, Endpoints, Labelling},
    identity::Resolver,
    node::{Devices, Revision, RouteContext, Routes, route_mtu},
    pods::Pods,
    policy::{Engine, HostSettings, Kept, Sources},
    publish::Published,
    service::Balancer,
    shared::{Agent, Identities, Progress, Watches},
    sockets,
};
use crate::{
    api::hubble::AgentEvents,
    cni::{ipam::Ipam, queue::Deletions, server},
    config::{AgentConfig, Attach, Enforcement, PolicyCompat},
    kernel::{self, AttachMode, Datapath, LoadOptions, Netlink, sysctl},
    kubernetes::{NodeObject, Watched, chain},
    maps::BackendTable,
    model::{Addresses, Derivation, Family, LabelFilter},
    policy::{
        judge::Mode,
        parse::{Compat, Settings},
    },
    service::maglev::Limit,
};

/// How long the API server may take to tell a node's first agent the node's addresses.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// An agent that is set up but not running.
pub(super) struct Started {
    pub(super) agent: Arc<Agent>,
    pub(super) cache: Cache,
    pub(super) listener: UnixListener,
    pub(super) publish: Arc<Notify>,
    pub(super) resolver: Arc<Resolver>,
    /// Held as long as the agent lives.
    pub(super) lock: Flock<File>,
}

/// Sets everything up that needs no API server. Blocks; call it where that is allowed.
///
/// The order keeps an earlier agent's datapath enforcing all the while: its maps and links are
/// taken over first, programs are replaced in place, and nothing is deleted before the cluster
/// was seen completely.
///
/// # Errors
/// When the node lacks something; nothing that worked before is taken away.
pub(super) fn start(config: AgentConfig, client: kube::Client) -> Result<Started, AgentError> {
    for dir in [&config.run_dir, &config.state_dir] {
        fs::create_dir_all(dir).map_err(|source| AgentError::Path { path: dir.clone(), source })?;
    }
    let lock = lock(&config.state_dir)?;
    kernel::require()?;
    node_settings(&config);
    let datapath = Arc::new(Datapath::open(&LoadOptions {
        bpf_dir: config.bpf_dir.clone(),
        attach: match config.attach {
            Attach::Auto => AttachMode::Auto,
            Attach::Tcx => AttachMode::Tcx,
            Attach::Clsact => AttachMode::Clsact,
        },
        conntrack_entries: config.conntrack_entries.unwrap_or_else(entries_by_memory),
        backend_entries: config.backend_entries.unwrap_or_else(backends_by_memory),
        policy_entries: config.policy_entries.unwrap_or_else(policies_by_memory),
    })?);
    let spread = Limit::at_most(config.maglev_entries);
    let maps = datapath.maps();
    let room = maps.capacity::<BackendTable>()?;
    let cache = Cache::new(&config.state_dir);
    let snapshot = cache.load();
    let addresses = node_addresses(&config, &snapshot, &client);
    let devices = Devices::find(&config, &addresses)?;
    let route_mtu = route_mtu(config.routing, devices.underlay.mtu, &devices.addresses());

    let started = Timestamp::now();
    let events = Arc::new(AgentEvents::started(started));
    let cluster = Arc::new(Mutex::new(Cluster::new(
        Arc::clone(&maps),
        Place { cluster: config.cluster_name.clone(), node: config.node_name.clone() },
        snapshot.node_ids.clone(),
        Arc::clone(&events),
    )?));
    let rules = Derivation {
        filter: LabelFilter::new(&config.drop_labels),
        cluster: config.cluster_name.clone(),
    };
    let pods = Arc::new(Pods::new(rules));
    let revision = Revision::open(Arc::clone(&maps), &config.state_dir)?;
    let policy = Engine::open(Arc::clone(&maps), policies(&config), host(&config), revision)?;
    let known = Arc::new(Identities { cluster: Arc::clone(&cluster), policy: Arc::clone(&policy) });
    let published = Published::default();
    let resolver = Arc::new(Resolver::new(client.clone(), known, published.clone()));
    let labelling = Labelling::new(Arc::clone(&pods), Arc::clone(&resolver), client);
    let publish = Arc::new(Notify::new());
    let host_netns = Netlink::open()?.netns_cookie()?;
    let context = Context {
        datapath: Arc::clone(&datapath),
        cluster: Arc::clone(&cluster),
        labelling: Arc::new(labelling),
        policy: Arc::clone(&policy),
        runtime: Handle::current(),
        device_mtu: devices.underlay.mtu,
        route_mtu,
        boot_id: boot_id()?,
        publish: Arc::clone(&publish),
        host: (host_netns, devices.addresses()),
    };
    let families = config.ip_family;
    let ipam = Ipam::new(|family: Family| families.has(family));
    let endpoints = Endpoints::open(context, &config.state_dir, ipam)?;
    let routes = RouteContext { vxlan: devices.vxlan, mtu: route_mtu, own: devices.addresses() };
    let agent = Arc::new(Agent {
        started,
        events,
        routes: Mutex::new(Routes::open(&config.state_dir, routes)),
        config,
        datapath,
        maps: Arc::clone(&maps),
        cluster,
        pods,
        endpoints,
        policy,
        balancer: Arc::new(Balancer::open(Arc::clone(&maps), spread, room)?),
        addresses,
        devices: Mutex::new(devices),
        route_mtu,
        host_netns,
        watches: Watches::default(),
        progress: Progress::default(),
        connections: AtomicU64::new(0),
        chores: Chores::default(),
        published,
        certificates: Certificates::default(),
        nodes_changed: Notify::new(),
        lost_identity: Notify::new(),
        observer: Mutex::new(None),
        peers: watch::Sender::default(),
        acceptor: watch::Sender::default(),
    });
    agent.remember(snapshot);
    let listener = take_over(&agent)?;
    Ok(Started { agent, cache, listener, publish, resolver, lock })
}

/// Restores the endpoints, does the deletions that were queued meanwhile, and replaces the
/// programs. From then on the plugin is heard.
fn take_over(agent: &Agent) -> Result<UnixListener, AgentError> {
    let restored = agent.endpoints.restore(&agent.config.state_dir)?;
    info!(
        kept = restored.kept,
        dropped = restored.dropped,
        quarantined = restored.quarantined,
        strays = restored.strays,
        "endpoints restored"
    );
    let socket = agent.config.run_dir.join("cni.sock");
    let failed = |source| AgentError::Path { path: socket.clone(), source };
    let listener = {
        let queue = Deletions::beside(&socket);
        let _alone = queue.lock_exclusive().map_err(failed)?;
        for attachment in queue.list().map_err(failed)? {
            match agent.endpoints.delete(&attachment) {
                Ok(()) => queue.done(&attachment).map_err(failed)?,
                Err(failure) => warn!(msg = failure.msg, "queued deletion not done yet"),
            }
        }
        server::bind(&socket).map_err(failed)?
    };
    let devices = agent.devices();
    agent.endpoints.attach_all();
    devices.attach(&agent.datapath)?;
    sockets::attach(agent);
    agent.endpoints.repair(&devices.entries())?;
    Ok(listener)
}

/// Returns the addresses that the cluster has for this node: those that it had last, or those that the API
/// server tells a node's first agent. Nobody may know them yet; repairs find them later.
fn node_addresses(config: &AgentConfig, snapshot: &Snapshot, client: &kube::Client) -> Addresses {
    let name = &config.node_name;
    if let Some(known) = snapshot.nodes.iter().find(|node| node.name == *name) {
        return known.addresses;
    }
    let api = kube::Api::<Node>::all(client.clone());
    let asked = Handle::current().block_on(timeout(ANSWER_WITHIN, api.get(name)));
    let reason = match asked {
        Ok(Ok(node)) => match NodeObject::from_object(&node) {
            Ok(node) => return node.addresses,
            Err(error) => error.to_string(),
        },
        Ok(Err(error)) => chain(&error),
        Err(late) => late.to_string(),
    };
    warn!(reason, "the cluster does not tell the node's addresses yet");
    Addresses::default()
}

/// Where policies are collected, and when they isolate.
fn policies(config: &AgentConfig) -> (Sources, Mode) {
    let compat = match config.policy_compat {
        PolicyCompat::Kubernetes => Compat::Kubernetes,
        PolicyCompat::Cilium => Compat::Cilium,
    };
    let mode = match config.policy_enforcement {
        Enforcement::Default => Mode::Default,
        Enforcement::Always => Mode::Always,
        Enforcement::Never => Mode::Never,
    };
    (Sources::new(Settings { cluster: config.cluster_name.clone(), compat }), mode)
}

/// How the host is protected.
fn host(config: &AgentConfig) -> HostSettings {
    HostSettings {
        enabled: config.host_firewall,
        window: config.host_firewall_confirm,
        kept: Kept::new(&config.state_dir),
    }
}

/// Two agents would undo each other's work.
fn lock(state_dir: &Path) -> Result<Flock<File>, AgentError> {
    let path = state_dir.join("agent.lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| AgentError::Path { path: path.clone(), source })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| AgentError::AlreadyRunning { path })
}

fn node_settings(config: &AgentConfig) {
    let settings = sysctl::NodeSettings {
        ipv4: config.ip_family.has(Family::V4),
        ipv6: config.ip_family.has(Family::V6),
        snat_ports: (config.snat_ports.first, config.snat_ports.last),
    };
    for error in sysctl::apply_node(&settings) {
        warn!(error = &error as &dyn std::error::Error, "node setting not made");
    }
}

fn boot_id() -> Result<String, AgentError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path)
        .map_err(|source| AgentError::Path { path: path.into(), source })?;
    Ok(text.trim().to_owned())
}

/// A quarter of a percent of the memory, between 64 thousand and a million entries of about 300
/// bytes.
fn entries_by_memory() -> u32 {
    const ENTRY: u64 = 300;
    entries(memory() / 400 / ENTRY)
}

/// Half a million on a machine of 16 GiB. Of backends each that may be takes 24 bytes, all else takes memory
/// only when it is there, but finding it takes 60 to 130 bytes: at most half a percent of the memory.
fn backends_by_memory() -> u32 {
    entries(memory() / (32 * 1024))
}

/// Half a million on a machine of 16 GiB, which is what a thousand policies tell apart among ten thousand identities for
/// the pods of a node. Finding them takes 16 bytes for each that may be, in two maps.
fn policies_by_memory() -> u32 {
    entries(memory() / (32 * 1024)).max(131_072)
}

fn entries(count: u64) -> u32 {
    u32::try_from(count.clamp(65_536, 1_048_576)).expect("clamped to 32 bits")
}

/// Returns the bytes of this machine's memory; 0 if it does not say.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: Option<u64> = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0) * 1024
}
