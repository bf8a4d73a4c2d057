//! Local redirect policies: clients get the pod of their own node, and the service when there is none.

use super::case::{Act, Backend, Case, Place, Step};
use crate::connectivity::{
    deploy::{ADDRESSES, SERVICE_PORT},
    expect::Expectation,
    plan::{
        Peer, Planned,
        services::{BOTH, everyone, on_hosts, on_other_nodes, seek, visit},
    },
    probe::Probe,
    services::Purpose,
    topology::{Actor, Topology, family_of},
};

const NEAR: Backend =
    Backend { name: "near-1", backs: "near", place: Place::First, joined: true, lingers: false };

/// Policies lead clients of the first node to a pod there; then that pod is deleted.
pub(in crate::connectivity) const REDIRECTED: Case = Case {
    backends: &[NEAR],
    acts: |topology| {
        let mut near = redirected(topology);
        if !near.checks.is_empty() {
            // Nobody has such a pod there.
            merge(&mut near, fallen_through(topology, |client| !is_near(topology, client)));
        }
        let after = match near.checks.is_empty() {
            true => Planned::default(),
            false => fallen_through(topology, |client| is_near(topology, client)),
        };
        vec![Act { planned: near, then: &[Step::Delete(&NEAR)] }, Act { planned: after, then: &[] }]
    },
};

fn is_near(topology: &Topology, actor: &Actor) -> bool {
    topology.nodes.first() == Some(&actor.node)
}

/// Pods and processes of the first node get the pod there, by the service and by the addresses.
fn redirected(topology: &Topology) -> Planned {
    let mut planned = Planned::default();
    if let Err(reason) = &topology.redirects {
        planned.gap(reason.clone());
        return planned;
    }
    let tries = |target| BOTH.map(|protocol| to_near(seek(protocol, target, SERVICE_PORT, 2)));
    let everyone = topology.clients.iter().chain(&topology.hosts);
    let near: Vec<&Actor> = everyone.filter(|one| is_near(topology, one)).collect();
    planned = visit(topology, Purpose::Redirected, near.iter().copied(), |_, target| {
        tries(target).into()
    });
    for from in near {
        for target in ADDRESSES {
            let family = family_of(target);
            if from.address(family).is_none() {
                continue;
            }
            let peer = Peer { name: "redirected".to_owned(), node: None, address: Some(target) };
            planned.add(from, &peer, family, tries(target).into());
        }
    }
    on_hosts(&mut planned, topology);
    on_other_nodes(&mut planned, topology);
    planned.settling()
}

/// Of several servers one more is looked for, and must not be found.
fn to_near(probe: Probe) -> (Probe, Expectation) {
    (probe, Expectation::Servers(vec![NEAR.name.to_owned()]))
}

/// Clients get every server of the service. Of the addresses nobody knows where they lead then.
fn fallen_through(topology: &Topology, who: impl Fn(&Actor) -> bool) -> Planned {
    let clients = topology.clients.iter().filter(|client| who(client));
    visit(topology, Purpose::Redirected, clients, |_, target| {
        BOTH.map(|protocol| everyone(topology, protocol, target, SERVICE_PORT)).into()
    })
}

fn merge(planned: &mut Planned, other: Planned) {
    planned.checks.extend(other.checks);
    other.gaps.into_iter().for_each(|gap| planned.gap(gap));
}

#[cfg(test)]
mod tests {
    use super::{super::case::plan, *};
    use crate::connectivity::{Profile, topology::FAMILIES};

    #[test]
    fn only_clients_of_the_pods_node_get_it_and_only_while_it_is_there() {
        let topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        let planned = plan(&REDIRECTED, &topology);
        let near = Expectation::Servers(vec!["near-1".to_owned()]);
        let (to_near, to_all): (Vec<_>, Vec<_>) =
            planned.checks.iter().partition(|check| check.expectation == near);
        assert_eq!(to_near.len(), 3 * 2 * 2 * 2, "actors, families, protocols, ways");
        assert!(to_near.iter().all(|check| check.from.node == "node-1"));
        // Those of the other node before, and those of the first one after.
        assert_eq!(to_all.len(), 3 * 2 * 2, "clients, families, protocols");
    }

    #[test]
    fn a_cluster_without_the_kind_says_so() {
        let mut topology = Topology::example(Profile::Standard, 2, &FAMILIES);
        topology.redirects = Err("no such kind".into());
        let planned = plan(&REDIRECTED, &topology);
        assert_eq!(
            (planned.checks.len(), &planned.gaps[..]),
            (0, &["no such kind".to_owned()][..])
        );
    }
}
