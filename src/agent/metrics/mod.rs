//! Numbers about the agent, read when somebody asks.
//!
//! Nothing here walks a map of the kernel but that of the datapath's counters, which is small: how full maps are
//! follows from what the agent has written. What each metric means is in `docs/metrics.md`.

mod collector;
mod datapath;
mod maps;
mod policy;
mod write;

use std::{fmt, sync::Arc};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

pub(super) use write::{put, signed};

use super::{
    export::{Board, OwnMetrics},
    shared::Agent,
};
use crate::telemetry::Metrics;

/// Returns the registry of this agent.
pub(super) fn registry(agent: &Arc<Agent>, exports: &Arc<Board>) -> Arc<Metrics> {
    let metrics = Metrics::new();
    metrics.register("agent", |registry| {
        registry.register_collector(Box::new(AgentCollector(Arc::clone(agent))));
        registry.register_collector(Box::new(OwnMetrics(Arc::clone(exports))));
    });
    Arc::new(metrics)
}

struct AgentCollector(Arc<Agent>);

impl fmt::Debug for AgentCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AgentCollector").finish()
    }
}

impl Collector for AgentCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (agent, encoder) = (&self.0, &mut encoder);
        collector::encode(agent, encoder)?;
        policy::encode(agent, encoder)?;
        maps::encode(agent, encoder)?;
        datapath::encode(agent, encoder)?;
        agent.encode_history(encoder)?;
        agent.published.encode(encoder)
    }
}
