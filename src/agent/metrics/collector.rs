//! What the agent knows, and how its parts are doing.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::write::{counter, counters, gauge, gauges};
use crate::{agent::shared::Agent, api::Health, maps::ConntrackTable, model::Family};

pub(super) fn encode(agent: &Agent, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let (nodes, identities, refused) = {
        let cluster = agent.cluster();
        (cluster.nodes().len(), cluster.identities().len(), cluster.failures())
    };
    let usage = agent.endpoints.usage();
    let services = agent.balancer.health();
    let capacity = agent.maps.capacity::<ConntrackTable>().unwrap_or_default().into();
    let connections = agent.connections.load(Ordering::Relaxed);
    for (name, help, value) in [
        ("endpoints", "Pods of this node", usage.endpoints as u64),
        ("known_nodes", "Nodes of the cluster", nodes as u64),
        ("known_identities", "Identities of the cluster", identities as u64),
        ("connections", "Tracked connections at the last pass", connections),
        ("connection_capacity", "Connections that there is room for", capacity),
        ("synced", "Whether the cluster was seen completely", agent.progress.synced().into()),
        ("frontends", "Frontends of services in the maps", services.frontends as u64),
    ] {
        gauge(encoder, (name, help), value)?;
    }
    for (name, help, value) in [
        ("services_not_written", "How often maps refused frontends of services", services.failures),
        ("refused_map_writes", "Map writes that the kernel refused", refused),
    ] {
        counter(encoder, (name, help), value)?;
    }
    let failures = agent.watches.all().into_iter().map(|(noun, state)| {
        let labels = vec![("watch", noun.to_owned())];
        (labels, state.failures())
    });
    counters(encoder, ("watch_failures", "Failures of each watch"), failures)?;
    let pools = usage.pools.into_iter().flat_map(|(family, used, free)| {
        let family = if family == Family::V4 { "ipv4" } else { "ipv6" };
        let labels = |state: &str| vec![("family", family.to_owned()), ("state", state.to_owned())];
        let free = u64::try_from(free).unwrap_or(u64::MAX);
        [(labels("used"), used as u64), (labels("free"), free)]
    });
    gauges(encoder, ("pool_addresses", "Addresses of pods"), pools)?;
    health(agent, encoder)
}

fn health(agent: &Agent, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let components = agent.components().into_iter().map(|component| {
        let labels = vec![("component", component.name)];
        (labels, severity(component.health))
    });
    let help = "How each part is doing: 0 ok, 1 degraded, 2 starting, 3 failing";
    gauges(encoder, ("component_health", help), components)?;
    let chores = agent.chores.all().into_iter().map(|(chore, second)| {
        let labels = vec![("chore", chore.to_owned())];
        (labels, second)
    });
    let help = "When each chore was last done without failure, since 1970";
    gauges(encoder, ("last_success_timestamp_seconds", help), chores)?;
    let until = agent.certificates.all().into_iter().map(|(certificate, second)| {
        let labels = vec![("certificate", certificate.to_owned())];
        (labels, second)
    });
    let help = "When each certificate in use is over, since 1970";
    gauges(encoder, ("certificate_expiry_timestamp_seconds", help), until)
}

/// Returns the number of a health: the larger, the worse.
const fn severity(health: Health) -> u64 {
    match health {
        Health::Ok => 0,
        Health::Degraded => 1,
        Health::Starting => 2,
        Health::Failing => 3,
    }
}
