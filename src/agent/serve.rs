//! What the agent serves: its socket, the Hubble API, metrics, health.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    AgentError,
    export::{Board, HubbleMetrics},
    hubble,
    inspect::Inspector,
    metrics,
    run::Tasks,
    shared::Agent,
};
use crate::{
    api::{self, http},
    flows::Observer,
    telemetry::Metrics,
};

/// Starts the servers.
pub(super) fn spawn(
    tasks: &mut Tasks,
    agent: &Arc<Agent>,
    observer: &Arc<Observer>,
    exports: &Arc<Board>,
    cancel: &CancellationToken,
) {
    hubble::spawn(tasks, agent, observer, cancel);
    let path = agent.config.run_dir.join("agent.sock");
    let inspect = Arc::new(Inspector::new(Arc::clone(agent)));
    let (own, stop) = (Arc::clone(observer), cancel.clone());
    tasks.spawn(async move {
        api::serve(&path, inspect, own, stop)
            .await
            .map_err(|e| AgentError::Serve { what: "the admin API", source: Box::new(e) })?;
        Ok("admin API")
    });
    let metrics = http::Routes { metrics: Some(metrics::registry(agent, exports)), health: None };
    let flows = Metrics::with_prefix("hubble", Arc::clone(observer.metrics()));
    flows.also(HubbleMetrics(Arc::clone(exports)));
    let flows = http::Routes { metrics: Some(Arc::new(flows)), health: None };
    let seen = Arc::clone(agent);
    let health = http::Routes { metrics: None, health: Some(Arc::new(move || health(&seen))) };
    serve_http(tasks, "metrics", agent.config.metrics_address, metrics, cancel);
    serve_http(tasks, "metrics of flows", agent.config.flow_metrics_address, flows, cancel);
    serve_http(tasks, "health", agent.config.health_address, health, cancel);
}

fn serve_http(
    tasks: &mut Tasks,
    what: &'static str,
    address: Option<SocketAddr>,
    routes: http::Routes,
    cancel: &CancellationToken,
) {
    let Some(address) = address else { return };
    let stop = cancel.clone();
    tasks.spawn(async move {
        http::serve(address, routes, stop)
            .await
            .map_err(|e| AgentError::Serve { what, source: Box::new(e) })?;
        Ok(what)
    });
}

/// An agent whose API server is away is well: it goes on enforcing.
fn health(agent: &Agent) -> Result<(), String> {
    if !agent.progress.configured() {
        return Err("the datapath is not configured yet".into());
    }
    agent.endpoints.datapath_works()
}
