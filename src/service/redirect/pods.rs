//! The pods that a policy selects.

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use super::{compile::Around, ports::Pair};
use crate::service::{
    ObjectName,
    address::{Unfit, family},
    finding::{Field, Finding, Reason},
    input::{
        Conditions, Endpoint, EndpointSlice, LocalPod, PortId, RedirectPort, RedirectRule,
        SlicePort,
    },
};

/// The pods behind a policy.
#[derive(Debug)]
pub(super) struct Behind<'a> {
    members: Vec<Member<'a>>,
}

/// A pod and its number of each pair's port, if it has one.
#[derive(Debug)]
struct Member<'a> {
    pod: &'a LocalPod,
    /// Its addresses that may be backends.
    fit: Vec<IpAddr>,
    ports: Vec<Option<SlicePort>>,
}

impl<'a> Behind<'a> {
    /// Selects pods of this node and the policy's namespace.
    pub(super) fn new(
        rule: &RedirectRule,
        policy: &ObjectName,
        pairs: &[Pair<'_>],
        around: &Around<'a>,
        faults: &mut Vec<Finding>,
    ) -> Self {
        let here = &around.context.site.place.node;
        let is_selected = |pod: &&&LocalPod| {
            pod.node == *here
                && pod.name.namespace == policy.namespace
                && rule.selector.matches(&pod.labels)
        };
        let fit = |pod: &LocalPod| {
            let fit = |address: &IpAddr| {
                Unfit::of(*address).is_none() && !around.context.is_given_out(*address)
            };
            pod.addresses.iter().filter(fit).collect()
        };
        let mut members = Vec::new();
        for pod in around.pods.iter().filter(is_selected) {
            let ports = pairs.iter().map(|pair| slice_port(pair, pod, faults)).collect();
            members.push(Member { pod, fit: fit(pod), ports });
        }
        Self { members }
    }

    /// Tells whether a pod is ready to take traffic of a pair to an address.
    pub(super) fn is_ready(&self, pair: usize, address: IpAddr) -> bool {
        let is_same = |own: &IpAddr| family(*own) == family(address);
        self.members.iter().any(|member| {
            member.pod.takes_connections()
                && member.ports[pair].is_some()
                && member.fit.iter().any(is_same)
        })
    }

    /// Returns the pods as slices: one for each address, since pods may differ in their ports.
    pub(super) fn slices(&self) -> Vec<EndpointSlice> {
        let slices = self.members.iter().flat_map(|member| {
            let slice = |address| slice(member, address);
            member.pod.addresses.iter().map(slice)
        });
        slices.collect()
    }
}

fn slice(member: &Member<'_>, address: IpAddr) -> EndpointSlice {
    let pod = member.pod;
    let endpoint = Endpoint {
        address,
        others: [].into(),
        conditions: Conditions {
            ready: pod.takes_connections(),
            serving: pod.ready,
            terminating: pod.terminating,
        },
        node: Some(Arc::clone(&pod.node)),
        zone: None,
        hints: None,
    };
    let name = ObjectName::of_pod(&pod.name);
    EndpointSlice {
        service: Arc::clone(&name.name),
        name,
        family: family(address),
        ports: member.ports.iter().flatten().cloned().collect(),
        endpoints: vec![endpoint],
    }
}

/// Returns the pod's port for a pair, under the name that the frontend's port has.
fn slice_port(pair: &Pair<'_>, pod: &LocalPod, faults: &mut Vec<Finding>) -> Option<SlicePort> {
    let found = number(pair.to, pod);
    if found.is_none() {
        let reason = Reason::NoContainerPort(pair.to.port.clone(), pair.to.protocol);
        faults.push(Finding { place: Field::RedirectPod(pod.name.clone()), reason });
    }
    let name = Arc::clone(&pair.from.name);
    Some(SlicePort { name, protocol: pair.from.protocol, port: found? })
}

/// Returns the number of a port at a pod. What a container calls so goes before the number that the policy
/// has: pods may differ in it.
fn number(port: &RedirectPort, pod: &LocalPod) -> Option<NonZeroU16> {
    let named = |name: &str| {
        let is_it = |own: &&crate::service::input::ContainerPort| {
            *own.name == *name && own.protocol == port.protocol
        };
        pod.ports.iter().find(is_it).map(|own| own.port)
    };
    match &port.port {
        PortId::Name(name) => named(name),
        PortId::Number(number) => Some(named(&port.name).unwrap_or(*number)),
    }
}
