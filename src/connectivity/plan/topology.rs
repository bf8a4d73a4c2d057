//! Services that are kept near: the cluster's hints say how near.

use super::{
    Planned,
    services::{BOTH, on_other_nodes, seek, visit},
};
use crate::connectivity::{
    deploy::SERVICE_PORT,
    expect::Expectation,
    services::Purpose,
    topology::{Topology, family_of},
};

/// Clients get those servers that are meant for them. One more is looked for, and must not be found.
pub(in crate::connectivity) fn service_topology(topology: &Topology) -> Planned {
    let mut all = Planned::default();
    for purpose in [Purpose::SameZone, Purpose::SameNode] {
        let hints = |family| match topology.hints.endpoints.get(&(purpose, family)) {
            Some(hints) => hints.as_ref().map_err(Clone::clone),
            None => Err(format!("nobody knows the endpoints of {}", purpose.service())),
        };
        let planned = visit(topology, purpose, &topology.clients, |from, target| {
            let Ok(endpoints) = hints(family_of(target)) else { return Vec::new() };
            let meant = topology.hints.servers(endpoints, &from.node);
            let sought = (meant.len() + 1).min(topology.servers.len());
            let tries = BOTH.map(|protocol| {
                let probe = seek(protocol, target, SERVICE_PORT, sought);
                (probe, Expectation::Servers(meant.clone()))
            });
            tries.into()
        });
        all.checks.extend(planned.checks);
        planned.gaps.into_iter().for_each(|gap| all.gap(gap));
        // A service that is not there has said so.
        if matches!(topology.services.get(&purpose), Some(Ok(_))) {
            let missing = topology.families.iter().filter_map(|family| hints(*family).err());
            missing.for_each(|reason| all.gap(reason));
        }
    }
    on_other_nodes(&mut all, topology);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, topology::FAMILIES};

    #[test]
    fn the_servers_that_are_meant_are_expected() {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        let planned = service_topology(&topology);
        assert_eq!(planned.checks.len(), 3 * 2 * 2 * 2, "clients, families, protocols, services");
        for check in &planned.checks {
            let own = check.from.node.replace("node", "server");
            assert_eq!(check.expectation, Expectation::Servers(vec![own]));
        }
    }

    #[test]
    fn a_cluster_that_makes_no_hints_is_told() {
        let mut topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        for hints in topology.hints.endpoints.values_mut() {
            *hints = Err("no hints".into());
        }
        topology.services.insert(Purpose::SameNode, Err("no such value".into()));
        let planned = service_topology(&topology);
        assert!(planned.checks.is_empty());
        assert_eq!(planned.gaps, ["no hints", "the service echo-same-node: no such value"]);
    }
}
