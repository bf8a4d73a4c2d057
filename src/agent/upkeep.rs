//! What the agent does all the time.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use nix::time::ClockId;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{debug, error, info, warn};

use super::{
    AgentError, cache::Cache, chores::Chore, identity::Resolver, node::Devices, shared::Agent,
    sockets,
};
use crate::{
    flows::Observer,
    kernel::{Attachment, EventReader, Owner},
    kubernetes::NodeObject,
    maps::{CollectorOptions, ConfigTable, ConntrackCollector, ConntrackTable, MapError, MapStore},
    model::Identity,
};

const POLL: Duration = Duration::from_millis(20);
const REPAIR: Duration = Duration::from_secs(5);
const CACHE: Duration = Duration::from_secs(5);
const RELABEL: Duration = Duration::from_secs(30);
/// Counters of a pod go at the second look after it: as soon as a minute after it, as Hubble's.
const FORGET: Duration = Duration::from_secs(60);

/// Connections that are looked at in one go, and the pauses between goes and passes.
const SLICE: u32 = 4096;
const BETWEEN_SLICES: Duration = Duration::from_millis(20);
const BETWEEN_PASSES: Duration = Duration::from_secs(5);

/// Waits until there is an answer. The conditions change a few times in the life of an agent.
pub(super) async fn wait_for<T>(mut answer: impl FnMut() -> Option<T>) -> T {
    loop {
        match answer() {
            Some(value) => return value,
            None => sleep(POLL).await,
        }
    }
}

/// Runs work that blocks where that is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AgentError> + Send + 'static,
) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| AgentError::Panicked)?
}

/// Writes the configuration: from now on the programs work.
pub(super) fn configure(agent: &Agent) -> Result<(), AgentError> {
    let id = agent.cluster().local_node().map(|(id, _)| id);
    let Some(id) = id else { return Ok(()) };
    let config = agent.configuration(id);
    if agent.maps.get::<ConfigTable>(&0)? != Some(config) {
        agent.maps.put::<ConfigTable>(&0, &config)?;
        info!(node_id = id.0, "datapath configured");
    }
    agent.progress.set_configured();
    Ok(())
}

/// The cluster was seen completely: what is not in it goes.
pub(super) fn first_sync(agent: &Agent) -> Result<(), AgentError> {
    agent.cluster().allow_deletes();
    agent.enforce_all();
    agent.balancer.set_synced();
    agent.follow_duties();
    agent.progress.set_synced();
    agent.nodes_changed.notify_one();
    repair_once(agent);
    info!("cluster synced");
    Ok(())
}

/// Makes policies follow the cluster, for ever.
pub(super) async fn enforce(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    loop {
        agent.policy.woken().await;
        let agent = Arc::clone(&agent);
        blocking(move || {
            agent.enforce();
            Ok(())
        })
        .await?;
    }
}

/// Corrects what others have changed, for ever.
pub(super) async fn repair(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    let mut ticks = interval(REPAIR);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let agent = Arc::clone(&agent);
        blocking(move || {
            repair_once(&agent);
            Ok(())
        })
        .await?;
    }
}

fn repair_once(agent: &Agent) {
    let mut is_whole = true;
    if agent.progress.configured()
        && let Err(error) = configure(agent)
    {
        error!(error = &error as &dyn std::error::Error, "configuration not written");
        is_whole = false;
    }
    let known = agent.cluster().local_node().map(|(_, object)| object.addresses);
    let found = Devices::find(&agent.config, &known.unwrap_or(agent.addresses))
        .inspect_err(|error| {
            warn!(error = error as &dyn std::error::Error, "devices to the underlay not found");
        })
        .ok();
    let attachments = agent
        .datapath
        .attachments()
        .inspect_err(|error| error!(%error, "attachments not listed"))
        .ok();
    is_whole &= found.is_some() && attachments.is_some();
    if let Some(found) = found {
        refresh_devices(agent, &found, attachments.as_deref());
    }
    if let Some(attachments) = attachments {
        agent.endpoints.settle_attachments(&attachments);
    }
    match agent.endpoints.repair(&agent.devices().entries()) {
        Ok(0) => {}
        Ok(differing) => warn!(differing, "entries of endpoints or devices corrected"),
        Err(error) => is_whole = failed_to_compare(&error),
    }
    let repaired = agent.cluster().repair();
    match repaired {
        Ok(done) if done.written + done.removed > 0 => {
            warn!(
                written = done.written,
                removed = done.removed,
                "entries of the cluster corrected"
            );
        }
        Ok(done) => is_whole &= done.failed == 0,
        Err(error) => is_whole = failed_to_compare(&error),
    }
    is_whole &= agent.policy.repair();
    agent.balancer.tend();
    sockets::repair(agent);
    let nodes: Vec<NodeObject> =
        agent.cluster().nodes().into_iter().map(|view| view.node).collect();
    let mut routes = agent.routes.lock().expect("no panic while holding the lock");
    if let Err(error) = routes.apply(&nodes, &agent.config.node_name, agent.progress.synced()) {
        error!(%error, "routes not compared");
        is_whole = false;
    }
    if is_whole {
        agent.chores.done(Chore::Repair);
    }
}

/// Says so; returns that not all is in order.
fn failed_to_compare(error: &MapError) -> bool {
    error!(map = error.map, source = %error.source, "maps not compared");
    false
}

/// Devices come, go and change their addresses; programs may have been taken off them.
fn refresh_devices(agent: &Agent, found: &Devices, attachments: Option<&[Attachment]>) {
    let changed = {
        let mut devices = agent.devices.lock().expect("no panic while holding the lock");
        let changed = devices.hooks() != found.hooks() || devices.entries() != found.entries();
        *devices = found.clone();
        changed
    };
    let own = found.addresses();
    agent.routes.lock().expect("no panic while holding the lock").set_own(own);
    agent.endpoints.set_host(own);
    let missing = attachments.is_some_and(|all| missing_attachments(agent, found, all));
    if changed || missing {
        info!(changed, missing, "programs are put on the node's devices");
        if let Err(error) = found.attach(&agent.datapath) {
            error!(error = &error as &dyn std::error::Error, "devices not set up");
        }
        agent.endpoints.attach_all();
    }
}

fn missing_attachments(agent: &Agent, devices: &Devices, attachments: &[Attachment]) -> bool {
    let ends = |index| {
        attachments.iter().filter(|a| a.ifindex == index && a.owner == Owner::Current).count()
    };
    let pods = agent.endpoints.records().into_iter().map(|record| record.ifindex);
    let nodes = devices.hooks().into_iter().map(|(index, _, _)| index);
    pods.chain(nodes).any(|index| ends(index) < 2)
}

/// Makes routes follow nodes.
pub(super) async fn route(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    let mut last = (Vec::new(), false);
    loop {
        let nodes: Vec<NodeObject> =
            agent.cluster().nodes().into_iter().map(|view| view.node).collect();
        let now = (nodes, agent.progress.synced());
        if now != last {
            let agent = Arc::clone(&agent);
            last = blocking(move || {
                let mut routes = agent.routes.lock().expect("no panic while holding the lock");
                let (nodes, is_complete) = &now;
                if let Err(error) = routes.apply(nodes, &agent.config.node_name, *is_complete) {
                    error!(%error, "routes not set");
                }
                Ok(now)
            })
            .await?;
        }
        agent.nodes_changed.notified().await;
    }
}

/// Gives pods the identities that their labels say, whenever those change, and keeps the
/// identity objects that this node uses alive.
pub(super) async fn relabel(
    agent: Arc<Agent>,
    resolver: Arc<Resolver>,
) -> Result<&'static str, AgentError> {
    let mut changes = agent.pods.changes();
    loop {
        let used: Vec<_> = agent
            .endpoints
            .records()
            .into_iter()
            .filter(|record| !record.labels.0.is_empty())
            .map(|record| (record.identity, record.labels))
            .collect();
        let mut gone: Vec<Identity> = Vec::new();
        for (identity, labels) in used {
            match resolver.resolve(&labels).await {
                Ok(now) if now != identity => gone.push(identity),
                Ok(_) => {}
                Err(error) => debug!(%error, "identity not confirmed"),
            }
        }
        let changed = agent.endpoints.relabel(&gone).await;
        if changed > 0 {
            info!(changed, "endpoints relabelled");
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = agent.lost_identity.notified() => {}
            () = sleep(RELABEL) => {}
        }
    }
}

/// Reads events and makes flows of them, for ever.
pub(super) async fn read_events(
    mut reader: EventReader,
    observer: Arc<Observer>,
) -> Result<&'static str, AgentError> {
    let mut batch = Vec::new();
    loop {
        reader.next_batch(&mut batch).await?;
        observer.push(batch.drain(..));
    }
}

/// Stops to count what is about pods that are gone, for ever.
pub(super) async fn forget_flows(
    agent: Arc<Agent>,
    observer: Arc<Observer>,
) -> Result<&'static str, AgentError> {
    loop {
        sleep(FORGET).await;
        let records = agent.endpoints.records();
        let own = records.iter().filter_map(|record| record.pod.as_ref());
        let own = own.map(|pod| (pod.namespace.as_str(), pod.name.as_str()));
        let cluster = agent.cluster();
        let all: HashSet<(&str, &str)> = own.chain(cluster.remote_pods()).collect();
        observer.metrics().forget(|pod| all.contains(&(&*pod.namespace, &*pod.pod)));
    }
}

/// Removes expired connections, for ever.
pub(super) async fn collect_connections(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    let capacity = agent.maps.capacity::<ConntrackTable>()?;
    let options = CollectorOptions { slice: SLICE, capacity };
    let mut collector = ConntrackCollector::new(Arc::clone(&agent.maps), options);
    loop {
        let agent = Arc::clone(&agent);
        let (back, done) = blocking(move || {
            let now = ClockId::CLOCK_MONOTONIC.now().map(Duration::from).unwrap_or_default();
            let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
            let done = match collector.step(now) {
                Ok(Some(sweep)) => {
                    let live = sweep.seen.saturating_sub(sweep.removed);
                    agent.connections.store(live, Ordering::Relaxed);
                    agent.chores.done(Chore::Connections);
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    error!(map = error.map, source = %error.source, "connections not collected");
                    true
                }
            };
            Ok((collector, done))
        })
        .await?;
        collector = back;
        sleep(if done { BETWEEN_PASSES } else { BETWEEN_SLICES }).await;
    }
}

/// Writes the cluster's state to disk now and then.
pub(super) async fn keep_cache(
    agent: Arc<Agent>,
    cache: Cache,
) -> Result<&'static str, AgentError> {
    let cache = Arc::new(cache);
    let mut written = None;
    loop {
        let (agent, cache) = (Arc::clone(&agent), Arc::clone(&cache));
        written = blocking(move || {
            let snapshot = agent.snapshot();
            let bytes = serde_json::to_vec(&snapshot).unwrap_or_default();
            let is_kept = written.as_ref() == Some(&bytes) || cache.save(&bytes);
            if is_kept {
                agent.chores.done(Chore::Cache);
            }
            Ok(is_kept.then_some(bytes))
        })
        .await?;
        sleep(CACHE).await;
    }
}
