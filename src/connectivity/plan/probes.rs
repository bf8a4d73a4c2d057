//! Kubelets' probes: pods of the test have one of each kind, and become ready by it.

use super::{Planned, base::readiness};
use crate::connectivity::topology::{Actor, Topology};

/// Pods on the host network are probed by a command.
pub(in crate::connectivity) fn exec(topology: &Topology) -> Planned {
    let mut planned = of("exec", &topology.hosts);
    if let Some(reason) = &topology.no_hosts {
        planned.gap(format!("no pods on the host network: {reason}"));
    }
    planned
}

/// Servers are probed by HTTP.
pub(in crate::connectivity) fn http(topology: &Topology) -> Planned {
    of("HTTP", &topology.servers)
}

/// Clients are probed by TCP.
pub(in crate::connectivity) fn tcp(topology: &Topology) -> Planned {
    of("TCP", &topology.clients)
}

fn of(kind: &'static str, actors: &[Actor]) -> Planned {
    let checks = actors.iter().map(|actor| readiness(actor, kind)).collect();
    Planned { checks, gaps: Vec::new() }
}
