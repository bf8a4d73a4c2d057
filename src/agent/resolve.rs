//! Names for flows.

use std::{net::IpAddr, sync::Arc, time::Instant};

use super::{cluster::PeerView, lately::Lately, shared::Agent};
use crate::{
    api::End,
    cni::record::EndpointRecord,
    flows::{PeerInfo, Resolve, RuleInfo},
    hubble::flow::{Service, Workload},
    kubernetes::crd::PodWorkload,
    model::{Identity, IfIndex},
};

/// Tells flows whose an address is, from what the agent knows.
pub(super) struct Names {
    agent: Arc<Agent>,
    owners: Lately<IpAddr, PeerInfo>,
    devices: Lately<IfIndex, str>,
    services: Lately<(IpAddr, u16, u8), Service>,
    node: Lately<(), [String]>,
}

impl Names {
    pub(super) fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            owners: Lately::default(),
            devices: Lately::default(),
            services: Lately::default(),
            node: Lately::default(),
        }
    }

    fn local(&self, record: EndpointRecord) -> PeerInfo {
        let pod = record.pod.unwrap_or_else(|| crate::model::PodRef {
            namespace: String::new(),
            name: record.attachment.container_id,
            uid: String::new(),
        });
        let workload = self.agent.pods.pod(&pod).and_then(|object| object.workload);
        PeerInfo {
            identity: Some(record.identity),
            endpoint_id: record.id.0,
            labels: record.labels.to_strings(),
            namespace: pod.namespace,
            pod: pod.name,
            workload: workload.map(told),
            node: self.agent.config.node_name.clone(),
        }
    }

    fn owner(&self, address: IpAddr) -> Option<PeerInfo> {
        if let Some(record) = self.agent.endpoints.by_address(address) {
            return Some(self.local(record));
        }
        let peer = self.agent.cluster().peer(address)?;
        Some(match peer {
            PeerView::Pod(endpoint, node) => PeerInfo {
                identity: Some(endpoint.identity),
                labels: self.labels(endpoint.identity),
                namespace: endpoint.namespace,
                pod: endpoint.pod,
                workload: endpoint.workload.map(told),
                node,
                ..PeerInfo::default()
            },
            PeerView::Node(view) => PeerInfo {
                identity: Some(view.identity),
                labels: self.labels(view.identity),
                node: view.node.name,
                ..PeerInfo::default()
            },
        })
    }

    fn device(&self, device: IfIndex) -> Option<Arc<str>> {
        let hooks = self.agent.devices().hooks();
        if let Some((_, _, name)) = hooks.into_iter().find(|(index, _, _)| *index == device) {
            return Some(name.into());
        }
        let records = self.agent.endpoints.records();
        let record = records.into_iter().find(|record| record.ifindex == device)?;
        Some(record.host_ifname.into())
    }

    fn labels(&self, identity: Identity) -> Vec<String> {
        let cluster = self.agent.cluster();
        match cluster.book().object(identity) {
            Some(object) => object.labels.to_strings(),
            None => cluster.node_labels(identity).to_strings(),
        }
    }
}

fn told(workload: PodWorkload) -> Workload {
    let PodWorkload { kind, name } = workload;
    Workload { name, kind }
}

impl Resolve for Names {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        let find = || self.owner(address).map(Arc::new);
        self.owners.answer(address, Instant::now(), find)
    }

    fn identity(&self, identity: Identity) -> Option<Arc<PeerInfo>> {
        let labels = self.labels(identity);
        let info = PeerInfo { identity: Some(identity), labels, ..PeerInfo::default() };
        (!info.labels.is_empty()).then(|| Arc::new(info))
    }

    fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.agent.policy.decided(number)
    }

    fn service(&self, address: IpAddr, port: u16, protocol: u8) -> Option<Arc<Service>> {
        let find = || {
            let at = End { address, port };
            let name = self.agent.balancer.name_at(at, protocol)?;
            let (namespace, name) = name.split_once('/')?;
            Some(Arc::new(Service { namespace: namespace.to_owned(), name: name.to_owned() }))
        };
        self.services.answer((address, port, protocol), Instant::now(), find)
    }

    fn node_labels(&self) -> Arc<[String]> {
        let find = || Some(self.agent.cluster().own_labels().into());
        self.node.answer((), Instant::now(), find).unwrap_or_default()
    }

    fn interface(&self, device: IfIndex) -> Option<Arc<str>> {
        self.devices.answer(device, Instant::now(), || self.device(device))
    }
}
