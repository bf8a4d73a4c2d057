//! What one end of a flow must be.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    InvalidFilter, WorkloadFilter,
    matcher::{any, each},
    name::PodPattern,
    selector::Selector,
};
use crate::flows::Endpoint;

/// What one end must be.
#[derive(Clone, Debug)]
pub(super) struct Side {
    ip: Vec<IpNet>,
    pod: Vec<PodPattern>,
    label: Vec<Selector>,
    identity: Vec<u32>,
    port: Vec<u16>,
    workload: Vec<WorkloadFilter>,
}

impl Side {
    pub(super) fn compile(
        ip: &[String],
        pod: &[String],
        label: &[String],
        port: &[String],
    ) -> Result<Self, InvalidFilter> {
        Ok(Self {
            ip: each(ip, network)?,
            pod: pod.iter().map(|text| PodPattern::parse(text)).collect(),
            label: each(label, Selector::parse)?,
            identity: Vec::new(),
            port: each(port, |text| {
                text.parse().map_err(|_| InvalidFilter::Port { text: text.to_owned() })
            })?,
            workload: Vec::new(),
        })
    }

    pub(super) fn with(mut self, identity: &[u32], workload: &[WorkloadFilter]) -> Self {
        identity.clone_into(&mut self.identity);
        workload.clone_into(&mut self.workload);
        self
    }

    pub(super) fn matches(
        &self,
        end: &Endpoint,
        address: Option<IpAddr>,
        port: Option<u16>,
    ) -> bool {
        any(&self.ip, |net| address.is_some_and(|address| net.contains(&address)))
            && any(&self.pod, |pod| pod.matches(&end.namespace, &end.pod_name))
            && any(&self.label, |selector| selector.matches(&end.labels))
            && any(&self.identity, |identity| *identity == end.identity)
            && any(&self.port, |wanted| port == Some(*wanted))
            && any(&self.workload, |wanted| wanted.matches(end))
    }
}

impl WorkloadFilter {
    fn matches(&self, end: &Endpoint) -> bool {
        let fits = |wanted: &str, have: &str| wanted.is_empty() || wanted == have;
        end.workloads
            .iter()
            .any(|have| fits(&self.name, &have.name) && fits(&self.kind, &have.kind))
    }
}

fn network(text: &str) -> Result<IpNet, InvalidFilter> {
    let net = if text.contains('/') {
        text.parse().ok()
    } else {
        text.parse().ok().map(|address: IpAddr| address.into())
    };
    net.ok_or_else(|| InvalidFilter::Address { text: text.to_owned() })
}
