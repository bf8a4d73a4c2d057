//! Numbers about the agent, read when somebody asks.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Unit,
};

use super::{
    export::{Board, OwnMetrics},
    policy::HostHealth,
    shared::Agent,
};
use crate::{api::Metric, maps::ConntrackTable, model, telemetry::Metrics};

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

type Labelled = Family<Vec<(String, String)>, Gauge>;

impl Collector for AgentCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let agent = &self.0;
        let (nodes, identities, failures) = {
            let cluster = agent.cluster();
            (cluster.nodes().len(), cluster.identities().len(), cluster.failures())
        };
        let usage = agent.endpoints.usage();
        let connections = agent.connections.load(Ordering::Relaxed);
        let capacity = agent.maps.capacity::<ConntrackTable>().unwrap_or_default() as u64;
        let gauges = [
            ("endpoints", "Pods of this node", signed(usage.endpoints as u64)),
            ("known_nodes", "Nodes of the cluster", signed(nodes as u64)),
            ("known_identities", "Identities of the cluster", signed(identities as u64)),
            ("connections", "Tracked connections at the last pass", signed(connections)),
            ("connection_capacity", "Connections that there is room for", signed(capacity)),
            ("synced", "Whether the cluster was seen completely", agent.progress.synced().into()),
        ];
        let policies = agent.policy.health();
        let policy_gauges = [
            ("policy_tables", "Different policies in the maps", signed(policies.tables as u64)),
            (
                "policies_rejected",
                "Policy objects that cannot be accepted as they are now",
                signed(policies.rejected.len() as u64),
            ),
        ];
        let on_trial = matches!(policies.host, HostHealth::OnTrial(_));
        put(
            &mut encoder,
            ("host_policies_on_trial", "Whether policies of the host must prove themselves"),
            &ConstGauge::<i64>::new(on_trial.into()),
        )?;
        put(
            &mut encoder,
            ("host_policies_taken_back", "How often policies of the host were taken back"),
            &ConstCounter::<u64>::new(policies.taken_back),
        )?;
        let unenforced = ConstCounter::<u64>::new(policies.failures);
        put(
            &mut encoder,
            ("policies_not_enforced", "How often an endpoint could not get its policy"),
            &unenforced,
        )?;
        let services = agent.balancer.health();
        let frontends = ConstGauge::<i64>::new(signed(services.frontends as u64));
        put(&mut encoder, ("frontends", "Frontends of services in the maps"), &frontends)?;
        let unwritten = ConstCounter::<u64>::new(services.failures);
        put(
            &mut encoder,
            ("services_not_written", "How often maps refused frontends of services"),
            &unwritten,
        )?;
        for (name, help, value) in gauges.into_iter().chain(policy_gauges) {
            put(&mut encoder, (name, help), &ConstGauge::<i64>::new(value))?;
        }
        let refused = ConstCounter::<u64>::new(failures);
        put(&mut encoder, ("refused_map_writes", "Map writes that the kernel refused"), &refused)?;
        agent.encode_history(&mut encoder)?;
        let watches = Labelled::default();
        for (noun, state) in agent.watches.all() {
            let labels = vec![("watch".to_owned(), noun.to_owned())];
            watches.get_or_create(&labels).set(signed(state.failures()));
        }
        put(&mut encoder, ("watch_failures", "Failures of each watch so far"), &watches)?;
        let pools = Labelled::default();
        for (family, used, free) in usage.pools {
            let family = if family == model::Family::V4 { "ipv4" } else { "ipv6" };
            let labels = |state: &str| {
                vec![
                    ("family".to_owned(), family.to_owned()),
                    ("state".to_owned(), state.to_owned()),
                ]
            };
            pools.get_or_create(&labels("used")).set(signed(used as u64));
            let free = u64::try_from(free).unwrap_or(u64::MAX);
            pools.get_or_create(&labels("free")).set(signed(free));
        }
        put(&mut encoder, ("pool_addresses", "Addresses of pods"), &pools)?;
        let packets = Labelled::default();
        for metric in Metric::list(&agent.maps.metrics().unwrap_or_default()) {
            let direction = format!("{:?}", metric.direction).to_lowercase();
            let labels = vec![("reason".into(), metric.reason), ("direction".into(), direction)];
            packets.get_or_create(&labels).set(signed(metric.packets));
        }
        put(&mut encoder, ("datapath_packets", "Packets by what became of them"), &packets)
    }
}

pub(super) fn put(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    let unit: Option<&Unit> = None;
    let encoder = encoder.encode_descriptor(name, help, unit, metric.metric_type())?;
    metric.encode(encoder)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
