//! What one end of a flow must be.

use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

use super::{
    InvalidFilter,
    invalid::{all, any, each},
    name::{PodPattern, name_pattern},
    selector::Selector,
    subject::{End, Subject},
};
use crate::hubble::flow::{FlowFilter, Workload};

/// What one end must be.
#[derive(Clone, Debug)]
pub(super) struct Side {
    end: End,
    ip: Vec<Network>,
    pod: Vec<PodPattern>,
    service: Vec<PodPattern>,
    name: Vec<Regex>,
    label: Vec<Selector>,
    identity: Vec<u32>,
    port: Vec<u16>,
    workload: Vec<Workload>,
    cluster: Vec<String>,
}

/// Checks the fields of one end.
macro_rules! side {
    ($filter:ident, $end:ident: $ip:ident $pod:ident $service:ident $fqdn:ident $label:ident
     $identity:ident $port:ident $workload:ident $cluster:ident) => {
        Self {
            end: End::$end,
            ip: each(stringify!($ip), &$filter.$ip, Network::EXPECTED, |text| network(text))?,
            pod: each(stringify!($pod), &$filter.$pod, "a pod", |text| PodPattern::parse(text))?,
            service: each(stringify!($service), &$filter.$service, "a service", |text| {
                PodPattern::parse(text)
            })?,
            name: each(
                stringify!($fqdn),
                &$filter.$fqdn,
                "a DNS name, which may have *",
                |text| name_pattern(text),
            )?,
            label: each(stringify!($label), &$filter.$label, Selector::EXPECTED, |text| {
                Selector::parse(text)
            })?,
            identity: all(stringify!($identity), &$filter.$identity)?,
            port: each(stringify!($port), &$filter.$port, "a port", |text| text.parse().ok())?,
            workload: all(stringify!($workload), &$filter.$workload)?,
            cluster: each(
                stringify!($cluster),
                &$filter.$cluster,
                "the name of a cluster",
                |text| (!text.is_empty()).then(|| text.clone()),
            )?,
        }
    };
}

impl Side {
    pub(super) fn source(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        Ok(side!(filter, Source: source_ip source_pod source_service source_fqdn source_label
            source_identity source_port source_workload source_cluster_name))
    }

    pub(super) fn destination(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        Ok(side!(filter, Destination: destination_ip destination_pod destination_service
            destination_fqdn destination_label destination_identity destination_port
            destination_workload destination_cluster_name))
    }

    pub(super) fn matches(&self, flow: &impl Subject) -> bool {
        let end = self.end;
        any(&self.ip, |wanted| flow.address(end).is_some_and(|ip| wanted.has(ip)))
            && any(&self.pod, |wanted| wanted.matches(flow.namespace(end), flow.pod(end)))
            && any(&self.service, |wanted| {
                flow.service(end).is_some_and(|s| wanted.matches(&s.namespace, &s.name))
            })
            && any(&self.name, |wanted| {
                flow.names(end).iter().any(|name| wanted.is_match(&trimmed(name)))
            })
            && any(&self.label, |wanted| wanted.matches(&flow.labels(end)))
            && any(&self.identity, |wanted| *wanted == flow.identity(end))
            && any(&self.port, |wanted| flow.port(end) == Some(u32::from(*wanted)))
            && any(&self.workload, |wanted| {
                flow.workloads(end).iter().any(|have| is_workload(wanted, have))
            })
            && any(&self.cluster, |wanted| *wanted == flow.cluster(end))
    }
}

/// An empty part of the wanted one stands for any.
fn is_workload(wanted: &Workload, have: &Workload) -> bool {
    let fits = |wanted: &str, have: &str| wanted.is_empty() || wanted == have;
    fits(&wanted.name, &have.name) && fits(&wanted.kind, &have.kind)
}

/// DNS names have no case, and may end with the dot of the root.
fn trimmed(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

/// An address, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network(IpNet);

impl Network {
    pub(super) const EXPECTED: &'static str = "an IP address or CIDR";

    /// Tells whether it has the address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

pub(super) fn network(text: &str) -> Option<Network> {
    if text.contains('/') {
        return text.parse().ok().map(Network);
    }
    text.parse().ok().map(|address: IpAddr| Network(address.into()))
}
