//! The cluster of the scenarios: two pods on this node, one on another, the world.

use std::net::IpAddr;

use skep_bpf::abi::{
    ABI_VERSION, Addr, Config, Counted, DeviceKind, DeviceValue, Direction, DropReason,
    EndpointValue, Event, IpcacheKey, IpcacheValue, Mode, NearValue, NodeValue, Note, Timeouts,
    config_flags, device_flags, endpoint_flags, ipcache_flags, node_flags, policy,
};

use crate::{
    frames::{GATEWAY_MAC, POD_MAC},
    rig::{Hook, Meta, Ran, Rig, Verdict},
};

pub(crate) const IDENTITY_A: u32 = 1000;
pub(crate) const IDENTITY_B: u32 = 2000;
pub(crate) const IDENTITY_REMOTE: u32 = 3000;
pub(crate) const NODE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xee];
pub(crate) const SNAT_MIN: u16 = 61000;
pub(crate) const SNAT_MAX: u16 = 61063;
/// The device on which programs run.
pub(crate) const DEVICE: u32 = 1;
/// Longer than any timeout here but that of established TCP, and shorter than any machine is up, ns.
pub(crate) const IDLE: u64 = 6_000_000_000;

/// The two families; every scenario runs in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Who is who in one family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) family: Family,
    pub(crate) a: IpAddr,
    pub(crate) b: IpAddr,
    /// In this node's pod CIDR, nobody's.
    pub(crate) gone: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) node: IpAddr,
    pub(crate) other_node: IpAddr,
    pub(crate) unready_node: IpAddr,
    pub(crate) world: IpAddr,
    pub(crate) gateway: IpAddr,
    /// Of services, nobody's.
    pub(crate) vip: IpAddr,
    pub(crate) other_vip: IpAddr,
    pub(crate) hairpin: IpAddr,
}

impl Cast {
    pub(crate) fn both() -> [Self; 2] {
        [Self::of(Family::V4), Self::of(Family::V6)]
    }

    pub(crate) fn of(family: Family) -> Self {
        let ip = |v4: &str, v6: &str| -> IpAddr {
            let text = if family == Family::V4 { v4 } else { v6 };
            text.parse().expect("an address")
        };
        Self {
            family,
            a: ip("10.244.1.10", "fd00:10:244:1::a"),
            b: ip("10.244.1.11", "fd00:10:244:1::b"),
            gone: ip("10.244.1.99", "fd00:10:244:1::99"),
            remote: ip("10.244.2.10", "fd00:10:244:2::a"),
            node: ip("172.31.0.2", "fd31::2"),
            other_node: ip("172.31.0.3", "fd31::3"),
            unready_node: ip("172.31.0.4", "fd31::4"),
            world: ip("198.51.100.10", "2001:db8:1::10"),
            gateway: ip("169.254.1.1", "fe80::1"),
            vip: ip("10.96.0.1", "fd00:96::1"),
            other_vip: ip("10.96.0.2", "fd00:96::2"),
            hairpin: ip("169.254.42.1", "fd00:42::1"),
        }
    }
}

/// A rig with the cluster in its maps.
pub(crate) struct Cluster<R> {
    pub(crate) rig: R,
    pub(crate) config: Config,
    /// Of each pod: for what it gets and for what it sends.
    policies: [(u32, u32); 2],
    /// Whether programs find pods without a search.
    near: bool,
}

fn pods() -> [(u32, u32, &'static str, &'static str); 2] {
    [
        (11, IDENTITY_A, "10.244.1.10", "fd00:10:244:1::a"),
        (12, IDENTITY_B, "10.244.1.11", "fd00:10:244:1::b"),
    ]
}

fn addr(text: &str) -> Addr {
    text.parse::<IpAddr>().expect("an address").into()
}

/// Returns the endpoint entry of pod `a` or `b`.
pub(crate) fn endpoint(endpoint_id: u32, identity: u32) -> EndpointValue {
    EndpointValue {
        ifindex: endpoint_id,
        endpoint_id,
        identity,
        incarnation: 100 + endpoint_id,
        flags: endpoint_flags::READY,
        ingress_policy: policy::OPEN,
        egress_policy: policy::OPEN,
        mac: POD_MAC,
        host_mac: GATEWAY_MAC,
        ..EndpointValue::default()
    }
}

impl<R: Rig> Cluster<R> {
    pub(crate) fn new(rig: R, mode: Mode) -> Self {
        let config = Config {
            abi_version: ABI_VERSION,
            mode: mode as u32,
            flags: config_flags::IPV4
                | config_flags::IPV6
                | config_flags::SNAT_V4
                | config_flags::SNAT_V6,
            node_id: 1,
            mark_shift: 8,
            vxlan_ifindex: 77,
            vxlan_port: 8472,
            snat_port_min: SNAT_MIN.into(),
            snat_port_max: SNAT_MAX.into(),
            admission_rate: 0,
            route_mtu: 1450,
            report_interval: 5,
            gateway_v4: addr("169.254.1.1"),
            gateway_v6: addr("fe80::1"),
            hairpin_v4: addr("169.254.42.1"),
            hairpin_v6: addr("fd00:42::1"),
            timeouts: Timeouts {
                tcp_syn: 5,
                tcp: 21600,
                tcp_close: 2,
                udp: 5,
                other: 5,
                ..Timeouts::default()
            },
            ..Config::default()
        };
        let policies = [(policy::OPEN, policy::OPEN); 2];
        let mut cluster = Self { rig, config, policies, near: true };
        cluster.fill();
        cluster
    }

    /// Makes programs search for each pod.
    pub(crate) fn without_near_pods(mut self) -> Self {
        self.near = false;
        for (_, _, v4, v6) in pods() {
            for text in [v4, v6] {
                self.rig.near(addr(text).near_slot(), NearValue::default());
            }
        }
        self
    }

    fn fill(&mut self) {
        self.rig.config(self.config);
        if self.config.mode == Mode::Vxlan as u32 {
            self.rig.other_device(self.config.vxlan_ifindex, self.overlay());
        }
        self.rig.revision(7);
        for (id, identity, v4, v6) in pods() {
            for text in [v4, v6] {
                self.put_endpoint(addr(text), endpoint(id, identity));
                self.prefix(text, 128, identity, 1, 0);
            }
        }
        for (id, v4, v6) in
            [(1, "10.244.1.0", "fd00:10:244:1::"), (2, "10.244.2.0", "fd00:10:244:2::")]
        {
            self.prefix(v4, 96 + 24, 0, id, ipcache_flags::POD_CIDR);
            self.prefix(v6, 64, 0, id, ipcache_flags::POD_CIDR);
        }
        for text in ["10.244.2.10", "fd00:10:244:2::a"] {
            self.prefix(text, 128, IDENTITY_REMOTE, 2, 0);
        }
        for (id, v4, v6, flags) in [
            (1, "172.31.0.2", "fd31::2", node_flags::LOCAL | node_flags::READY),
            (2, "172.31.0.3", "fd31::3", node_flags::READY),
            (3, "172.31.0.4", "fd31::4", 0),
        ] {
            let identity = if id == 1 { 1 } else { 6 };
            for text in [v4, v6] {
                self.prefix(text, 128, identity, id, ipcache_flags::NODE);
                self.rig.node_addr(addr(text), id);
            }
            let value =
                NodeValue { addr_v4: addr(v4), addr_v6: addr(v6), flags, ..NodeValue::default() };
            self.rig.node(id, value);
        }
    }

    fn prefix(&mut self, text: &str, prefix_len: u32, identity: u32, node_id: u32, flags: u32) {
        let key = IpcacheKey { prefix_len, addr: addr(text) };
        let value = IpcacheValue { identity, node_id, flags, ..IpcacheValue::default() };
        self.rig.ipcache(key, value);
    }

    /// Gives pod `a` (0) or `b` (1) its policies, for what it gets and for what it sends.
    pub(crate) fn set_policies(&mut self, index: usize, policies: (u32, u32)) {
        self.policies[index] = policies;
        let (id, identity, v4, v6) = pods()[index];
        let (ingress_policy, egress_policy) = policies;
        for text in [v4, v6] {
            let value = endpoint(id, identity);
            self.put_endpoint(addr(text), EndpointValue { ingress_policy, egress_policy, ..value });
        }
    }

    /// Writes the entries of one address of a pod.
    pub(crate) fn put_endpoint(&mut self, addr: Addr, value: EndpointValue) {
        self.rig.endpoint(addr, value);
        self.put_near(addr, value);
    }

    fn put_near(&mut self, addr: Addr, value: EndpointValue) {
        if !self.near {
            return;
        }
        let is_ready = value.flags & endpoint_flags::READY != 0;
        let near = NearValue {
            addr,
            incarnation: if is_ready { value.incarnation } else { 0 },
            identity: value.identity,
            ifindex: value.ifindex,
            macs: NearValue::macs(value.mac, value.host_mac),
            ..NearValue::default()
        };
        self.rig.near(addr.near_slot(), near);
    }

    /// Runs a packet of pod `a` (0) or `b` (1), whose device is the one on which programs run.
    fn pod_sends(&mut self, index: usize, frame: &[u8]) -> Ran {
        let veth = self.veth(index);
        self.rig.device(Some(veth));
        let own = endpoint(veth.endpoint_id, veth.identity);
        for addr in [veth.addr_v4, veth.addr_v6] {
            self.put_near(addr, EndpointValue { ifindex: DEVICE, ..own });
        }
        let ran = self.rig.run(Hook::FromPod, frame, Meta::default());
        for addr in [veth.addr_v4, veth.addr_v6] {
            self.put_near(addr, own);
        }
        ran
    }

    /// The veth of pod `a`.
    pub(crate) fn veth_a(&self) -> DeviceValue {
        self.veth(0)
    }

    fn veth(&self, index: usize) -> DeviceValue {
        let (endpoint_id, identity, v4, v6) = pods()[index];
        DeviceValue {
            kind: DeviceKind::Pod as u32,
            flags: device_flags::READY,
            endpoint_id,
            identity,
            incarnation: 100 + endpoint_id,
            ingress_policy: self.policies[index].0,
            egress_policy: self.policies[index].1,
            mtu: 1500,
            addr_v4: addr(v4),
            addr_v6: addr(v6),
            mac: GATEWAY_MAC,
            peer_mac: POD_MAC,
            ..DeviceValue::default()
        }
    }

    /// The node's device.
    pub(crate) fn uplink(&self) -> DeviceValue {
        DeviceValue {
            kind: DeviceKind::Node as u32,
            flags: device_flags::READY,
            mtu: 1500,
            addr_v4: addr("172.31.0.2"),
            addr_v6: addr("fd31::2"),
            mac: NODE_MAC,
            ..DeviceValue::default()
        }
    }

    fn overlay(&self) -> DeviceValue {
        DeviceValue {
            kind: DeviceKind::Overlay as u32,
            flags: device_flags::READY,
            mtu: 1500,
            addr_v4: addr("172.31.0.2"),
            addr_v6: addr("fd31::2"),
            ..DeviceValue::default()
        }
    }

    /// Runs a packet that `a` sends.
    pub(crate) fn a_sends(&mut self, frame: &[u8]) -> Ran {
        self.pod_sends(0, frame)
    }

    /// Runs a packet that `b` sends.
    pub(crate) fn b_sends(&mut self, frame: &[u8]) -> Ran {
        self.pod_sends(1, frame)
    }

    /// Runs a packet that reaches `a` through the stack.
    pub(crate) fn a_gets(&mut self, frame: &[u8], meta: Meta) -> Ran {
        self.rig.device(Some(self.veth_a()));
        self.rig.run(Hook::ToPod, frame, meta)
    }

    /// Runs a packet that leaves by the uplink with a mark.
    pub(crate) fn uplink_sends(&mut self, frame: &[u8], mark: u32) -> Ran {
        self.rig.device(Some(self.uplink()));
        self.rig.run(Hook::ToNetdev, frame, Meta { mark, ..Meta::default() })
    }

    /// Runs a packet that comes in by the uplink.
    pub(crate) fn uplink_gets(&mut self, frame: &[u8]) -> Ran {
        self.uplink_hook(frame, Meta { ingress_ifindex: 1, ..Meta::default() })
    }

    /// Lets a packet come in on the uplink.
    pub(crate) fn uplink_hook(&mut self, frame: &[u8], meta: Meta) -> Ran {
        self.rig.device(Some(self.uplink()));
        self.rig.run(Hook::FromNetdev, frame, meta)
    }

    /// Runs a packet on the overlay's device.
    pub(crate) fn overlay_hook(&mut self, hook: Hook, frame: &[u8], meta: Meta) -> Ran {
        self.rig.device(Some(self.overlay()));
        self.rig.run(hook, frame, meta)
    }

    /// Runs `act` and returns what it returned and the counters that moved, by name.
    pub(crate) fn moved<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> T,
    ) -> (T, Vec<(Counted, Direction, u64)>) {
        let before = self.rig.counters();
        let result = act(self);
        let mut moved = Vec::new();
        for (index, packets) in self.rig.counters() {
            let was = before.get(&index).copied().unwrap_or(0);
            if packets != was {
                let counted = Counted::from_code((index >> 2) as u8).expect("a known reason");
                let direction = match index & 3 {
                    1 => Direction::Ingress,
                    2 => Direction::Egress,
                    _ => Direction::Unknown,
                };
                moved.push((counted, direction, packets - was));
            }
        }
        (result, moved)
    }

    /// Asserts that `act` ends in a drop for `reason`, which is the only thing counted and told.
    #[track_caller]
    pub(crate) fn expect_drop(
        &mut self,
        reason: DropReason,
        act: impl FnOnce(&mut Self) -> Ran,
    ) -> Event {
        let _ = self.rig.events();
        let (ran, moved) = self.moved(act);
        let events = self.rig.events();
        let counted: Vec<_> = moved.iter().map(|(what, _, n)| (*what, *n)).collect();
        assert_eq!(counted, [(Counted::Drop(reason), 1)], "counters of a drop");
        assert_eq!(ran.verdict, Verdict::Drop);
        assert_eq!(events.len(), 1, "one event tells of a drop");
        assert_eq!((events[0].kind, events[0].reason), (1, reason.code()));
        events[0]
    }

    /// Asserts that `act` ends in a benign drop that is only counted.
    #[track_caller]
    pub(crate) fn expect_ignored(&mut self, note: Note, act: impl FnOnce(&mut Self) -> Ran) {
        let _ = self.rig.events();
        let (ran, moved) = self.moved(act);
        let counted: Vec<_> = moved.iter().map(|(what, _, n)| (*what, *n)).collect();
        assert_eq!(counted, [(Counted::Note(note), 1)]);
        assert_eq!(ran.verdict, Verdict::Drop);
        assert!(self.rig.events().is_empty(), "benign drops make no event");
    }

    /// Asserts that `act` forwards one packet, counts it once, and returns what became of it.
    #[track_caller]
    pub(crate) fn expect_forwarded(
        &mut self,
        direction: Direction,
        verdict: Verdict,
        act: impl FnOnce(&mut Self) -> Ran,
    ) -> Ran {
        let (ran, moved) = self.moved(act);
        assert_eq!(moved, [(Counted::Note(Note::Forwarded), direction, 1)], "counters");
        assert_eq!(ran.verdict, verdict);
        ran
    }

    /// The mark that says "admitted, sent with this identity".
    pub(crate) fn pod_mark(identity: u32) -> u32 {
        0xf00 | identity << 16
    }
}
