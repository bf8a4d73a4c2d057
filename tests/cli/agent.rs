//! An agent without a datapath: the real socket server over made-up facts.

use std::{
    net::IpAddr,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use skep::{
    api::{
        self, Inspect, InspectError,
        hubble::{self, AgentEvents, Door, Node},
    },
    events::Event,
    flows::{Observer, PeerInfo, Resolve, Settings},
    hubble::flow::Workload,
    model::{Addresses, Identity, IfIndex, MacAddr},
};
use skep_bpf::abi::{self, event_flags, event_kind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::run::Home;

/// The agent of node `n1`, which serves the run directory of a home until dropped.
pub(crate) struct Agent {
    pub(crate) home: Home,
    pub(crate) observer: Arc<Observer>,
    facts: Facts,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// Facts that differ between tests.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) health: api::Health,
    pub(crate) endpoints: Vec<api::Endpoint>,
    pub(crate) services: Vec<api::Service>,
    pub(crate) connections: Vec<api::Connection>,
    pub(crate) explain: fn(&api::ServiceQuestion) -> api::ServiceExplanation,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            health: api::Health::Ok,
            endpoints: vec![endpoint(1, "shop", "frontend-x", 1), endpoint(2, "shop", "api-y", 2)],
            services: vec![],
            connections: vec![],
            explain: |question| api::ServiceExplanation {
                service: question.service.clone(),
                from: question.from.clone(),
                client: None,
                reason: Some(format!("{question:?}")),
                connections: vec![],
                findings: vec![],
            },
        }
    }
}

impl Agent {
    pub(crate) fn start(facts: Facts) -> Self {
        let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Names));
        let cancel = CancellationToken::new();
        let mut agent = Self { home: Home::new(), observer, facts, cancel, thread: None };
        agent.serve();
        agent
    }

    /// Stops serving; what it has seen is kept.
    pub(crate) fn stop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends well");
        }
    }

    /// Serves.
    pub(crate) fn serve(&mut self) {
        self.cancel = CancellationToken::new();
        let dir = self.home.dir.path();
        let (socket, hubble_socket) = (dir.join("agent.sock"), dir.join("hubble.sock"));
        let served = {
            let (socket, observer, cancel, facts) = (
                socket.clone(),
                Arc::clone(&self.observer),
                self.cancel.clone(),
                Arc::new(self.facts.clone()),
            );
            let door = Door::Unix(hubble_socket.clone());
            let node = Node {
                observer: Arc::clone(&observer),
                events: Arc::new(AgentEvents::started(jiff::Timestamp::UNIX_EPOCH)),
                peers: watch::Sender::default().subscribe(),
                address: String::new(),
            };
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let admin = api::serve(&socket, facts, observer, cancel.clone());
                let both = async { tokio::join!(admin, hubble::serve(&door, node, cancel)) };
                let (admin, hubble) = runtime.expect("a runtime").block_on(both);
                admin.expect("the socket is served");
                hubble.expect("the other socket is served");
            }
        };
        self.thread = Some(thread::spawn(served));
        wait_for(&socket);
        wait_for(&hubble_socket);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} never came", path.display());
        thread::yield_now();
    }
}

pub(crate) fn endpoint(id: u32, namespace: &str, pod: &str, host: u8) -> api::Endpoint {
    api::Endpoint {
        id,
        namespace: namespace.into(),
        pod: pod.into(),
        container_id: format!("container-{id}"),
        pod_interface: "eth0".into(),
        interface: format!("skep{id:010x}"),
        ifindex: 10 + id,
        addresses: Addresses {
            v4: Some([10, 244, 1, host].into()),
            v6: Some(format!("fd00:10:244:1::{host}").parse().expect("an address")),
        },
        mac: MacAddr([2, 0, 0, 0, 0, host]),
        identity: 1000 + id,
        labels: vec![format!("k8s:app={pod}")],
        incarnation: id,
        state: api::EndpointState::Ready,
        created: None,
    }
}

impl Inspect for Facts {
    fn node_name(&self) -> String {
        "n1".into()
    }

    fn status(&self) -> api::NodeStatus {
        api::NodeStatus {
            version: "0.1.0".into(),
            started: jiff::Timestamp::UNIX_EPOCH,
            health: self.health,
            components: vec![
                api::Component {
                    name: "datapath".into(),
                    health: api::Health::Ok,
                    message: "6 programs".into(),
                },
                api::Component {
                    name: "kubernetes".into(),
                    health: self.health,
                    message: "watching".into(),
                },
            ],
            routing: "vxlan".into(),
            ip_families: vec!["ipv4".into(), "ipv6".into()],
            kernel: "6.18.0".into(),
            attachments: vec![],
            endpoints: api::Usage { used: 2, total: 2 },
            identities: 2,
            nodes: 3,
            ipv4_pool: Some(api::Usage { used: 2, total: 254 }),
            ipv6_pool: Some(api::Usage { used: 2, total: u64::MAX }),
            conntrack: api::Usage { used: 5, total: 16_384 },
            events_seen: 7,
            events_lost: 0,
        }
    }

    fn endpoints(&self) -> Vec<api::Endpoint> {
        self.endpoints.clone()
    }

    fn identities(&self) -> Vec<api::Identity> {
        vec![api::Identity {
            id: 1001,
            labels: vec!["k8s:app=frontend".into()],
            state: api::IdentityState::Active,
            endpoints: 1,
        }]
    }

    fn nodes(&self) -> Vec<api::Node> {
        vec![api::Node {
            name: "n1".into(),
            id: 1,
            local: true,
            ready: true,
            addresses: Addresses { v4: Some([172, 31, 0, 11].into()), v6: None },
            pod_cidrs: vec!["10.244.1.0/24".parse().expect("a CIDR")],
        }]
    }

    fn services(&self) -> Result<Vec<api::Service>, InspectError> {
        Ok(self.services.clone())
    }

    fn explain_service(
        &self,
        question: &api::ServiceQuestion,
    ) -> Result<api::ServiceExplanation, InspectError> {
        Ok((self.explain)(question))
    }

    fn check(&self) -> Result<Vec<api::Finding>, InspectError> {
        Ok(vec![])
    }

    fn bpf_endpoints(&self) -> Result<Vec<api::BpfEndpoint>, InspectError> {
        Ok(vec![])
    }

    fn bpf_ipcache(&self) -> Result<Vec<api::IpcacheEntry>, InspectError> {
        Err(InspectError::Starting)
    }

    fn bpf_connections(&self) -> Result<Vec<api::Connection>, InspectError> {
        Ok(self.connections.clone())
    }

    fn flush_connections(
        &self,
        filter: &api::ConnectionFilter,
    ) -> Result<api::Flushed, InspectError> {
        let gone: Vec<_> = self.connections.iter().filter(|one| filter.matches(one)).collect();
        let with_alias = gone.iter().filter(|one| one.source_xlated.is_some());
        let (connections, aliases) = (gone.len() as u64, with_alias.count() as u64);
        Ok(api::Flushed { connections, aliases })
    }

    fn policies(&self) -> Vec<api::Policy> {
        Vec::new()
    }

    fn bpf_policies(&self) -> Result<Vec<api::BpfPolicy>, InspectError> {
        Ok(Vec::new())
    }

    fn bpf_nodes(&self) -> Result<Vec<api::BpfNode>, InspectError> {
        Ok(vec![])
    }

    fn bpf_frontends(&self) -> Result<Vec<api::BpfFrontend>, InspectError> {
        let everywhere = api::BpfFrontend {
            id: 7,
            address: "0.0.0.0".parse().expect("an address"),
            port: 30080,
            protocol: "TCP".into(),
            scope: api::Scope::Internal,
            places: 2,
            backends: vec![1, 2],
            affinity_seconds: 60,
            flags: vec![],
        };
        let gap = api::BpfFrontend {
            id: 8,
            address: "fd00:10:96::1".parse().expect("an address"),
            scope: api::Scope::External,
            backends: vec![2],
            affinity_seconds: 0,
            flags: vec!["drop-if-empty".into()],
            ..everywhere.clone()
        };
        Ok(vec![everywhere, gap])
    }

    fn bpf_backends(&self) -> Result<Vec<api::BpfBackend>, InspectError> {
        Ok(vec![api::BpfBackend {
            id: 1,
            address: "10.244.1.1".parse().expect("an address"),
            port: 8080,
            protocol: "TCP".into(),
        }])
    }

    fn bpf_maglev(&self) -> Result<Vec<api::BpfMaglev>, InspectError> {
        let share = |backend, entries, percent| api::MaglevShare {
            backend,
            address: Some([10, 244, 1, 1].into()),
            port: Some(8080),
            entries,
            percent,
        };
        Ok(vec![api::BpfMaglev {
            table: 14,
            frontend: 7,
            address: "203.0.113.1".parse().expect("an address"),
            port: 80,
            protocol: "TCP".into(),
            scope: api::Scope::External,
            entries: 251,
            missing: 1,
            shares: vec![share(1, 125, 49.8), share(2, 125, 49.8)],
        }])
    }

    fn bpf_affinity(&self) -> Result<Vec<api::BpfAffinity>, InspectError> {
        Ok(vec![api::BpfAffinity {
            client: "netns:4242".into(),
            frontend: 7,
            backend: 1,
            last_used: jiff::Timestamp::now(),
        }])
    }

    fn bpf_revnat(&self) -> Result<Vec<api::BpfRevNat>, InspectError> {
        Ok(vec![api::BpfRevNat {
            numbers: vec![7, 9],
            address: "fd00:96::a".parse().expect("an address"),
            port: 53,
            protocol: "UDP".into(),
            connections: 3,
        }])
    }

    fn bpf_metrics(&self) -> Result<Vec<api::Metric>, InspectError> {
        Ok(vec![api::Metric {
            reason: "INVALID_SOURCE_IP".into(),
            code: 132,
            drop: true,
            direction: api::Direction::Egress,
            packets: 3,
            bytes: 2048,
        }])
    }
}

/// Pods by address.
struct Names;

impl Resolve for Names {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        let (pod, id) = match address.to_string().as_str() {
            "10.244.1.1" | "fd00:10:244:1::1" => ("frontend-x", 1),
            "10.244.1.2" | "fd00:10:244:1::2" => ("api-y", 2),
            _ => return None,
        };
        Some(Arc::new(PeerInfo {
            identity: Some(Identity(1000 + id)),
            endpoint_id: id,
            labels: vec![format!("k8s:app={pod}")],
            namespace: "shop".into(),
            pod: pod.into(),
            workload: Some(Workload { name: pod.into(), kind: "Deployment".into() }),
            node: "n1".into(),
        }))
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }

    fn interface(&self, device: IfIndex) -> Option<Arc<str>> {
        Some(format!("skep{:010x}", device.0).into())
    }
}

/// Says what one event is about.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) source: (&'static str, u16),
    pub(crate) destination: (&'static str, u16),
    pub(crate) identities: (u32, u32),
    /// 0 = forwarded.
    pub(crate) reason: u8,
    pub(crate) reply: bool,
    /// Seconds since boot.
    pub(crate) at: u64,
}

impl Packet {
    /// The first packet of a connection from the frontend to the API.
    pub(crate) const V4: Self = Self {
        source: ("10.244.1.1", 41234),
        destination: ("10.244.1.2", 8080),
        identities: (1001, 1002),
        reason: 0,
        reply: false,
        at: 1,
    };
    /// The same, IPv6.
    pub(crate) const V6: Self = Self {
        source: ("fd00:10:244:1::1", 41234),
        destination: ("fd00:10:244:1::2", 8080),
        at: 2,
        ..Self::V4
    };

    pub(crate) fn event(self) -> Event {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (source, destination) = (address(self.source.0), address(self.destination.0));
        let reply = if self.reply { event_flags::REPLY } else { 0 };
        Event::decode(&abi::Event {
            time: self.at * 1_000_000_000,
            src: source.into(),
            dst: destination.into(),
            src_identity: self.identities.0,
            dst_identity: self.identities.1,
            sport: self.source.1,
            dport: self.destination.1,
            ifindex: 12,
            endpoint_id: 1,
            length: 74,
            kind: if self.reason == 0 { event_kind::TRACE } else { event_kind::DROP },
            reason: self.reason,
            direction: abi::Direction::Ingress as u8,
            observation: abi::Observation::ToEndpoint as u8,
            proto: 6,
            tcp_flags: if self.reply { 0x12 } else { 0x02 },
            flags: event_flags::NEW | reply,
            ip_version: if source.is_ipv4() { 4 } else { 6 },
            dst_mac: [2, 0, 0, 0, 0, 2],
            src_mac: [2, 0, 0, 0, 0, 1],
            ether_type: if source.is_ipv4() { 0x0800 } else { 0x86dd },
            ..abi::Event::default()
        })
        .expect("the event is well-formed")
    }
}
