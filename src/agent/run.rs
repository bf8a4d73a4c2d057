//! Life of the agent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kube::{Api, Client, runtime::watcher};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    AgentError,
    confirm::confirm_host,
    export::{Board, export_flows},
    history, hubble, install, orphans,
    plugin::Plugin,
    policy::Kind,
    publish::{Publisher, announce, publish},
    resolve::Names,
    serve,
    service::{retire_backends, serve_health_checks, tell_findings},
    shared::Agent,
    start::{Started, start},
    upkeep,
};
use crate::{
    cni::server,
    flows::{Observer, Settings},
    kernel::{EventReader, give_back_memory},
    kubernetes::{self, ApiServerSlice, Change, resource, watch, watch_if_served},
    service::input::{EndpointSlice, Redirect, Service},
};

/// The tasks of the agent; all run until it ends.
pub(super) type Tasks = JoinSet<Result<&'static str, AgentError>>;

/// Runs the node agent until cancelled; the datapath goes on when it returns.
///
/// # Errors
/// When the node lacks what the agent needs, or a part of it fails for good.
pub async fn run(
    config: crate::config::AgentConfig,
    cancel: CancellationToken,
) -> Result<(), AgentError> {
    let panicked = watch_panics(&cancel);
    info!(node = config.node_name, routing = %config.routing, ip_family = %config.ip_family,
        "agent starts");
    let client = kubernetes::connect(config.kubeconfig.as_deref()).await?;
    let started = {
        let client = client.clone();
        tokio::task::spawn_blocking(move || start(config, client))
            .await
            .map_err(|_| AgentError::Panicked)??
    };
    let result = live(started, client, &cancel).await;
    if panicked.load(Ordering::Acquire) {
        return Err(AgentError::Panicked);
    }
    info!("agent ends, the datapath goes on");
    result
}

async fn live(
    started: Started,
    client: Client,
    cancel: &CancellationToken,
) -> Result<(), AgentError> {
    let Started { agent, cache, listener, publish: changed, resolver, lock } = started;
    let observer = observe(&agent);
    let reader = EventReader::open(&agent.datapath)?;
    let plugin = Arc::new(Plugin::new(Arc::clone(&agent.endpoints), Arc::clone(&agent.events)));
    let mut tasks = Tasks::new();
    let serving = tokio::spawn(server::serve(
        listener,
        Arc::clone(&plugin) as Arc<dyn server::Handler>,
        cancel.clone(),
    ));
    watch_cluster(&mut tasks, &agent, &client);
    tasks.spawn(upkeep::read_events(reader, Arc::clone(&observer)));
    tasks.spawn(upkeep::forget_flows(Arc::clone(&agent), Arc::clone(&observer)));
    let exports = agent.config.flow_export_config.clone();
    let board = Arc::new(Board::default());
    tasks.spawn(export_flows(exports, Arc::clone(&observer), Arc::clone(&board)));
    history::spawn(&mut tasks, &observer);
    tasks.spawn(upkeep::collect_connections(Arc::clone(&agent)));
    tasks.spawn(upkeep::repair(Arc::clone(&agent)));
    tasks.spawn(upkeep::enforce(Arc::clone(&agent)));
    tasks.spawn(upkeep::route(Arc::clone(&agent)));
    tasks.spawn(orphans::cut(Arc::clone(&agent)));
    tasks.spawn(confirm_host(Arc::clone(&agent)));
    tasks.spawn(upkeep::relabel(Arc::clone(&agent), resolver));
    hubble::follow_certificate(&mut tasks, &agent, &client);
    serve::spawn(&mut tasks, &agent, &observer, &board, cancel);
    serve_services(&mut tasks, &agent, &client);
    let ready = make_ready(Arc::clone(&agent), plugin, client, changed);
    tasks.spawn(async move {
        ready.await?;
        upkeep::keep_cache(agent, cache).await
    });
    let result = supervise(&mut tasks, cancel).await;
    cancel.cancel();
    // Containers that are being connected are finished before the lock goes.
    let _ = serving.await;
    tasks.shutdown().await;
    history::flush(&observer).await;
    drop(lock);
    result
}

/// Starts what services need besides maps.
fn serve_services(tasks: &mut Tasks, agent: &Agent, client: &Client) {
    let balancer = Arc::clone(&agent.balancer);
    tasks.spawn(async move {
        serve_health_checks(balancer).await;
        Ok("health checks of services")
    });
    tasks.spawn(retire_backends(Arc::clone(&agent.balancer)));
    let (balancer, client) = (Arc::clone(&agent.balancer), client.clone());
    tasks.spawn(async move {
        tell_findings(balancer, client).await;
        Ok("findings about services")
    });
}

/// Waits for the end: asked for, or because a task has ended that must not.
async fn supervise(tasks: &mut Tasks, cancel: &CancellationToken) -> Result<(), AgentError> {
    tokio::select! {
        () = cancel.cancelled() => Ok(()),
        ended = tasks.join_next() => match ended {
            Some(Ok(Ok(name))) if cancel.is_cancelled() => {
                tracing::debug!(name, "task ended");
                Ok(())
            }
            Some(Ok(Ok(name))) => Err(AgentError::TaskEnded(name)),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(AgentError::Panicked),
            None => Err(AgentError::TaskEnded("all")),
        },
    }
}

/// Waits for this node's object and the first full sync, then opens the node for pods.
async fn make_ready(
    agent: Arc<Agent>,
    plugin: Arc<Plugin>,
    client: Client,
    changed: Arc<tokio::sync::Notify>,
) -> Result<(), AgentError> {
    let uid = upkeep::wait_for(|| {
        let cluster = agent.cluster();
        let (_, node) = cluster.local_node()?;
        Some(node.uid.clone())
    })
    .await;
    {
        let agent = Arc::clone(&agent);
        upkeep::blocking(move || upkeep::configure(&agent)).await?;
    }
    plugin.open();
    info!("containers can be connected");
    upkeep::wait_for(|| agent.watches.synced().then_some(())).await;
    {
        let agent = Arc::clone(&agent);
        upkeep::blocking(move || upkeep::first_sync(&agent)).await?;
    }
    tokio::spawn(publish(Publisher {
        client: client.clone(),
        node: agent.config.node_name.clone(),
        uid,
        changed,
        agent: Arc::clone(&agent),
    }));
    upkeep::wait_for(|| agent.endpoints.pool().is_ok().then_some(())).await;
    {
        let agent = Arc::clone(&agent);
        upkeep::blocking(move || install::plugin(&agent.config).map_err(AgentError::Install))
            .await?;
    }
    announce(client, &agent.config.node_name, &agent.published).await;
    agent.progress.set_announced();
    // What a start takes is not needed again.
    upkeep::blocking(|| {
        give_back_memory();
        Ok(())
    })
    .await
}

fn watch_cluster(tasks: &mut Tasks, agent: &Arc<Agent>, client: &Client) {
    macro_rules! watched {
        ($state:ident, $name:literal, $config:expr, |$seen:ident, $change:ident| $act:expr) => {{
            let $seen = Arc::clone(agent);
            let client = client.clone();
            tasks.spawn(async move {
                let config: watcher::Config = $config;
                watch(Api::all(client), config, &$seen.watches.$state, |$change: Change<_>| $act)
                    .await;
                Ok($name)
            });
        }};
    }
    let own = format!("spec.nodeName={}", agent.config.node_name);
    let every = watcher::Config::default;
    watched!(nodes, "watch of nodes", every(), |agent, change| agent.nodes_changed(change));
    watched!(pods, "watch of pods", every().fields(&own), |agent, change| {
        agent.pods_changed(change);
    });
    watched!(namespaces, "watch of namespaces", every(), |agent, change| {
        agent.namespaces_changed(change);
    });
    watched!(identities, "watch of identities", every(), |agent, change| {
        agent.identities_changed(change);
    });
    watched!(slices, "watch of endpoint slices", every(), |agent, change| {
        agent.slices_changed(change);
    });
    watched!(services, "watch of services", every(), |agent, change| {
        agent.balancer.changed::<Service>(change);
        agent.follow_duties();
    });
    watched!(
        service_slices,
        "watch of endpoint slices of services",
        EndpointSlice::config(),
        |agent, change| {
            agent.balancer.changed::<EndpointSlice>(change);
            agent.follow_duties();
        }
    );
    tasks.spawn(watch_apiserver(Arc::clone(agent), client.clone()));
    tasks.spawn(watch_redirects(Arc::clone(agent), client.clone()));
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        tasks.spawn(watch_policies(Arc::clone(agent), client.clone(), place, kind));
    }
}

/// Watches where the API server is.
async fn watch_apiserver(agent: Arc<Agent>, client: Client) -> Result<&'static str, AgentError> {
    let api = Api::namespaced(client, ApiServerSlice::NAMESPACE);
    let state = &agent.watches.apiserver;
    watch(api, ApiServerSlice::config(), state, |change| agent.apiserver_changed(change)).await;
    Ok("watch of the API server's addresses")
}

/// Watches policies that redirect; a cluster need not have the kind.
async fn watch_redirects(agent: Arc<Agent>, client: Client) -> Result<&'static str, AgentError> {
    let (group, version, kind, plural) = Redirect::RESOURCE;
    let api = Api::all_with(client, &resource(group, version, kind, plural));
    let (config, state) = (watcher::Config::default(), &agent.watches.redirects);
    watch_if_served(api, config, state, |change: Change<Redirect>| {
        agent.balancer.changed(change);
        agent.follow_duties();
    })
    .await;
    Ok("watch of local redirect policies")
}

/// Watches one kind that policies are made of; a cluster need not have all of them.
async fn watch_policies(
    agent: Arc<Agent>,
    client: Client,
    place: usize,
    kind: Kind,
) -> Result<&'static str, AgentError> {
    let (group, version, name, plural) = kind.resource();
    let api = Api::all_with(client, &resource(group, version, name, plural));
    let mut config = watcher::Config::default();
    if kind == Kind::EndpointSlice {
        // Those that follow from a service's selector say nothing that the selector does not.
        config = config.labels(&format!("{MANAGED_BY}!=endpointslice-controller.k8s.io"));
    }
    let state = &agent.watches.policies[place];
    watch_if_served(api, config, state, |change| {
        agent.tell_policy(kind, &change);
        agent.policy.objects_changed(kind, change);
    })
    .await;
    Ok("watch of policies")
}

/// Label of endpoint slices (`k8s.io/api/discovery/v1`, `LabelManagedBy`).
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

fn observe(agent: &Arc<Agent>) -> Arc<Observer> {
    let metrics = agent.config.flow_metrics.clone();
    if !metrics.silent.is_empty() {
        info!(metrics = ?metrics.silent, "there is nothing yet that these metrics count");
    }
    let mut settings =
        Settings::new(agent.config.cluster_name.clone(), agent.config.node_name.clone());
    settings.metrics = metrics;
    settings.history = agent.history_settings();
    let observer = Observer::new(settings, Arc::new(Names::new(Arc::clone(agent))));
    *agent.observer.lock().expect("no panic while holding the lock") = Some(Arc::clone(&observer));
    observer
}

/// A panic anywhere ends the agent: half an agent is worse than none, and it is started again.
fn watch_panics(cancel: &CancellationToken) -> Arc<AtomicBool> {
    let panicked = Arc::new(AtomicBool::new(false));
    let (seen, cancel) = (Arc::clone(&panicked), cancel.clone());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        seen.store(true, Ordering::Release);
        cancel.cancel();
    }));
    panicked
}
