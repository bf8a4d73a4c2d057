//! Answers of the admin API.

use std::sync::{Arc, atomic::Ordering};

use jiff::Timestamp;
use tracing::info;

use super::{allowed, check, origin, shared::Agent, sockets};
use crate::{
    api::{
        Attachment, BpfAffinity, BpfBackend, BpfEndpoint, BpfFrontend, BpfMaglev, BpfNode,
        BpfPolicy, BpfRevNat, Connection, ConnectionFilter, Endpoint, EndpointState, Finding,
        Flushed, Health, Identity, IdentityState, Inspect, InspectError, IpcacheEntry, Metric,
        Node, NodeStatus, Policy, Service, ServiceExplanation, ServiceQuestion, Usage,
    },
    flows::BootClock,
    maps::ConntrackTable,
    model::{self, Family},
};

/// Implements the API on the agent's parts.
pub(super) struct Inspector {
    agent: Arc<Agent>,
}

impl Inspector {
    pub(super) fn new(agent: Arc<Agent>) -> Self {
        Self { agent }
    }

    fn attachments(&self) -> Vec<Attachment> {
        let hooks = self.agent.devices().hooks();
        let records = self.agent.endpoints.records();
        let name = |index| {
            let node = hooks.iter().find(|(found, _, _)| *found == index);
            let pod = records.iter().find(|record| record.ifindex == index);
            node.map(|(_, _, name)| name.clone())
                .or_else(|| pod.map(|record| record.host_ifname.clone()))
                .unwrap_or_else(|| index.to_string())
        };
        let all = self.agent.datapath.attachments().unwrap_or_default();
        let ours = all.into_iter().filter(|attachment| attachment.hook.is_some());
        ours.map(|attachment| Attachment {
            interface: name(attachment.ifindex),
            direction: attachment.direction.name().into(),
            program: attachment.program_name,
            method: attachment.method.to_string(),
        })
        .collect()
    }

    /// Some answers would mislead before everything was seen.
    fn synced(&self) -> Result<(), InspectError> {
        if self.agent.progress.synced() { Ok(()) } else { Err(InspectError::Starting) }
    }

    fn pool(&self, family: Family) -> Option<Usage> {
        let pools = self.agent.endpoints.usage().pools;
        let (_, used, free) = pools.into_iter().find(|(found, _, _)| *found == family)?;
        let used = used as u64;
        Some(Usage { used, total: u64::try_from(free).unwrap_or(u64::MAX).saturating_add(used) })
    }
}

impl Inspect for Inspector {
    fn node_name(&self) -> String {
        self.agent.config.node_name.clone()
    }

    fn status(&self) -> NodeStatus {
        let agent = &self.agent;
        let components = agent.components();
        let health = components.iter().map(|component| component.health).max();
        let (identities, nodes) = {
            let cluster = agent.cluster();
            (cluster.identities().len() as u64, cluster.nodes().len() as u64)
        };
        let endpoints = agent.endpoints.usage().endpoints as u64;
        let capacity = agent.maps.capacity::<ConntrackTable>().unwrap_or(0);
        let observer = agent.observer.lock().expect("no panic while holding the lock").clone();
        let flows = observer.map(|observer| observer.stats()).unwrap_or_default();
        let families = [(Family::V4, "ipv4"), (Family::V6, "ipv6")];
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            started: agent.started,
            health: health.unwrap_or(Health::Starting),
            components,
            routing: agent.config.routing.to_string(),
            ip_families: families
                .into_iter()
                .filter(|(family, _)| agent.config.ip_family.has(*family))
                .map(|(_, name)| name.into())
                .collect(),
            kernel: kernel_release(),
            attachments: self.attachments(),
            endpoints: Usage { used: endpoints, total: endpoints },
            identities,
            nodes,
            ipv4_pool: self.pool(Family::V4),
            ipv6_pool: self.pool(Family::V6),
            conntrack: Usage {
                used: agent.connections.load(Ordering::Relaxed),
                total: capacity.into(),
            },
            events_seen: flows.seen,
            events_lost: flows.lost,
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let records = self.agent.endpoints.records().into_iter();
        records
            .map(|record| {
                let (namespace, pod) =
                    record.pod.map(|pod| (pod.namespace, pod.name)).unwrap_or_default();
                Endpoint {
                    id: record.id.0,
                    namespace,
                    pod,
                    container_id: record.attachment.container_id,
                    pod_interface: record.attachment.ifname,
                    interface: record.host_ifname,
                    ifindex: record.ifindex.0,
                    addresses: record.addresses,
                    mac: record.mac,
                    identity: record.identity.0,
                    labels: record.labels.to_strings(),
                    incarnation: record.incarnation.0,
                    state: match record.identity {
                        model::Identity::INIT => EndpointState::WaitingForIdentity,
                        _ => EndpointState::Ready,
                    },
                    created: Timestamp::from_second(record.created).ok(),
                }
            })
            .collect()
    }

    fn identities(&self) -> Vec<Identity> {
        let records = self.agent.endpoints.records();
        let cluster = self.agent.cluster();
        let users = |identity| {
            let local = records.iter().filter(|record| record.identity == identity).count();
            u32::try_from(local + cluster.remote_users(identity)).unwrap_or(u32::MAX)
        };
        let known = self.agent.policy.with_entries(|entries| {
            entries
                .known
                .desired()
                .keys()
                .map(|number| model::Identity(*number))
                .collect::<Vec<_>>()
        });
        let reserved = known.into_iter();
        let reserved = reserved.filter_map(|identity| {
            (!identity.is_cluster()).then_some(())?;
            let labels = cluster.node_labels(identity).to_strings();
            let endpoints = users(identity);
            Some(Identity { id: identity.0, labels, state: IdentityState::Reserved, endpoints })
        });
        let reserved: Vec<_> = reserved.collect();
        let live = cluster.book().objects().map(|object| Identity {
            id: object.identity.0,
            labels: object.labels.to_strings(),
            state: if object.retired { IdentityState::Retired } else { IdentityState::Active },
            endpoints: users(object.identity),
        });
        reserved.into_iter().chain(live).collect()
    }

    fn nodes(&self) -> Vec<Node> {
        let announced = self.agent.progress.announced();
        let views = self.agent.cluster().nodes().into_iter();
        views
            .map(|view| Node {
                name: view.node.name,
                id: view.id.0,
                local: view.local,
                ready: view.node.ready || (view.local && announced),
                addresses: view.node.addresses,
                pod_cidrs: view.node.pod_cidrs,
            })
            .collect()
    }

    fn services(&self) -> Result<Vec<Service>, InspectError> {
        self.synced()?;
        Ok(self.agent.balancer.report())
    }

    fn explain_service(
        &self,
        question: &ServiceQuestion,
    ) -> Result<ServiceExplanation, InspectError> {
        self.synced()?;
        let origin = origin::find(&self.agent, &question.from);
        let unhooked = sockets::unbalanced(&self.agent);
        let balancer = &self.agent.balancer;
        let mut explanation = balancer.explain(question, origin.as_ref(), unhooked.as_deref());
        if let Some(origin) = &origin {
            allowed::tell(&self.agent, origin, &mut explanation);
        }
        Ok(explanation)
    }

    fn check(&self) -> Result<Vec<Finding>, InspectError> {
        self.synced()?;
        Ok(check::check(&self.agent)?)
    }

    fn bpf_endpoints(&self) -> Result<Vec<BpfEndpoint>, InspectError> {
        Ok(BpfEndpoint::list(&*self.agent.maps)?)
    }

    fn bpf_ipcache(&self) -> Result<Vec<IpcacheEntry>, InspectError> {
        Ok(IpcacheEntry::list(&*self.agent.maps)?)
    }

    fn bpf_connections(&self) -> Result<Vec<Connection>, InspectError> {
        let name = |frontend, protocol| self.agent.balancer.name_at(frontend, protocol);
        Ok(Connection::list(&*self.agent.maps, &BootClock::now(), &name)?)
    }

    fn flush_connections(&self, filter: &ConnectionFilter) -> Result<Flushed, InspectError> {
        // Without names, a filter by service would mean nobody.
        self.synced()?;
        let name = |frontend, protocol| self.agent.balancer.name_at(frontend, protocol);
        let flushed = Flushed::flush(&*self.agent.maps, &BootClock::now(), &name, filter)?;
        info!(?filter, flushed.connections, flushed.aliases, "connections forgotten");
        Ok(flushed)
    }

    fn policies(&self) -> Vec<Policy> {
        self.agent.policy.report()
    }

    fn bpf_policies(&self) -> Result<Vec<BpfPolicy>, InspectError> {
        let policy = &self.agent.policy;
        Ok(BpfPolicy::list(&*self.agent.maps, |number| Some(policy.rule(number)?.to_string()))?)
    }

    fn bpf_nodes(&self) -> Result<Vec<BpfNode>, InspectError> {
        Ok(BpfNode::list(&*self.agent.maps)?)
    }

    fn bpf_frontends(&self) -> Result<Vec<BpfFrontend>, InspectError> {
        Ok(BpfFrontend::list(&*self.agent.maps)?)
    }

    fn bpf_backends(&self) -> Result<Vec<BpfBackend>, InspectError> {
        Ok(BpfBackend::list(&*self.agent.maps)?)
    }

    fn bpf_maglev(&self) -> Result<Vec<BpfMaglev>, InspectError> {
        Ok(BpfMaglev::list(&*self.agent.maps)?)
    }

    fn bpf_affinity(&self) -> Result<Vec<BpfAffinity>, InspectError> {
        Ok(BpfAffinity::list(&*self.agent.maps, &BootClock::now())?)
    }

    fn bpf_revnat(&self) -> Result<Vec<BpfRevNat>, InspectError> {
        let maps = &*self.agent.maps;
        let connections = Connection::list(maps, &BootClock::now(), &|_, _| None)?;
        Ok(BpfRevNat::list(maps, &connections)?)
    }

    fn bpf_metrics(&self) -> Result<Vec<Metric>, InspectError> {
        Ok(Metric::list(&self.agent.maps.metrics()?))
    }
}

fn kernel_release() -> String {
    nix::sys::utsname::uname()
        .map(|uts| uts.release().to_string_lossy().into_owned())
        .unwrap_or_default()
}
