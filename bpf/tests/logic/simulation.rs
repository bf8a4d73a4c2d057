//! Maps, clocks and the ring in memory.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use skep_bpf::{
    abi::{
        ADDR_PREFIX, Addr, AdmissionQuota, AffinityKey, AffinityValue, BackendValue, Bucket,
        Config, CtKey, CtValue, DeviceValue, EndpointValue, Event, FragKey, FragValue, FrontendKey,
        FrontendValue, HostValue, IdentityValue, IpcacheKey, IpcacheValue, ListBlock, ListKey,
        MemberKey, NearValue, NetnsValue, NodeValue, PORT_PREFIX, PolicyAddrKey, PolicyCell,
        PolicyCellKey, PolicyIdentityKey, PolicyPortKey, RANGE_PREFIX, RangeKey, ipcache_flags,
    },
    balance::Services,
    door::Outcome,
    env::{Entry, Env, Leg, Near, Put, PutError, Tell},
    packet::{Route, Tunnel},
    state::State,
    walk,
};

use crate::{
    packet::{Bytes, OwnSocket},
    rig::{Hook, Meta, Ran, Rig, Verdict},
};

/// The surroundings of the datapath, and a state that is reused as in the kernel.
pub(crate) struct Simulation {
    maps: Maps,
    state: State,
    /// What the last packet told the overlay device.
    pub(crate) sent_tunnel: Option<Tunnel>,
    /// The device of every route.
    pub(crate) route: Option<Route>,
    /// Sockets of the host.
    pub(crate) sockets: Vec<OwnSocket>,
    /// What the last packet's outcome was.
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Default)]
struct Maps {
    config: Option<Config>,
    host: HostValue,
    revision: u32,
    device: Option<DeviceValue>,
    other_devices: HashMap<u32, DeviceValue>,
    endpoints: HashMap<Addr, EndpointValue>,
    near: HashMap<u32, NearValue>,
    ipcache: BTreeMap<IpcacheKey, IpcacheValue>,
    nodes: HashMap<u32, NodeValue>,
    node_addrs: HashMap<Addr, u32>,
    identities: HashMap<u32, IdentityValue>,
    identity_classes: BTreeMap<PolicyIdentityKey, u32>,
    addr_classes: BTreeMap<PolicyAddrKey, u32>,
    port_classes: BTreeMap<PolicyPortKey, u32>,
    cells: BTreeMap<PolicyCellKey, PolicyCell>,
    quotas: HashMap<u32, AdmissionQuota>,
    buckets: RefCell<HashMap<u32, Bucket>>,
    connections: RefCell<BTreeMap<CtKey, Rc<RefCell<CtValue>>>>,
    fragments: RefCell<HashMap<FragKey, FragValue>>,
    counters: RefCell<BTreeMap<u32, u64>>,
    events: RefCell<Vec<Event>>,
    random: Cell<u32>,
    frontends: HashMap<FrontendKey, FrontendValue>,
    backends: HashMap<u32, BackendValue>,
    ranges: Vec<RangeKey>,
    lists: HashMap<ListKey, ListBlock>,
    affinity: RefCell<HashMap<AffinityKey, AffinityValue>>,
}

/// Tests count from here, so that times in the past exist.
const NOW: u64 = 1_000_000_000_000;

impl Simulation {
    pub(crate) fn new() -> Self {
        Self {
            maps: Maps::default(),
            state: State::default(),
            sent_tunnel: None,
            route: None,
            sockets: Vec::new(),
            outcome: None,
        }
    }

    /// Returns what is left of the last packet.
    pub(crate) fn state(&mut self) -> &mut State {
        &mut self.state
    }
}

/// An entry that stays alive like one in the kernel's memory.
pub(crate) struct Shared(Rc<RefCell<CtValue>>);

impl Entry for Shared {
    fn tag(&self) -> u64 {
        self.0.borrow().tag
    }
    fn leg(&self, side: usize) -> Leg {
        let value = self.0.borrow();
        Leg { approval: value.approval[side], incarnation: value.incarnation[side] }
    }
    fn last_seen(&self) -> u64 {
        self.0.borrow().last_seen
    }
    fn last_report(&self) -> u64 {
        self.0.borrow().last_report
    }
    fn kind(&self) -> u8 {
        self.0.borrow().kind
    }
    fn flags(&self) -> u8 {
        self.0.borrow().flags
    }
    fn tcp_flags(&self, side: usize) -> u8 {
        self.0.borrow().tcp_flags[side]
    }
    fn translated(&self) -> (Addr, u16) {
        (self.0.borrow().nat_addr, self.0.borrow().nat_port)
    }
    fn service(&self) -> (Addr, u16) {
        (self.0.borrow().service_addr, self.0.borrow().service_port)
    }
    fn backend_id(&self) -> u32 {
        self.0.borrow().backend_id
    }
    fn alias(&self) -> CtKey {
        self.0.borrow().alias
    }
    fn copy_to(&self, to: &mut CtValue) {
        *to = *self.0.borrow();
    }
    fn touch(&self, side: usize, now: u64, bytes: u32, tcp_flags: u8) {
        let mut value = self.0.borrow_mut();
        value.last_seen = now;
        value.packets[side] += 1;
        value.bytes[side] += u64::from(bytes);
        value.tcp_flags[side] |= tcp_flags;
    }
    fn set_reported(&self, now: u64) {
        self.0.borrow_mut().last_report = now;
    }
}

/// A slot that nobody writes to.
pub(crate) struct Slot(NearValue);

impl Near for Slot {
    fn addr(&self) -> Addr {
        self.0.addr
    }
    fn incarnation(&self) -> u32 {
        self.0.incarnation
    }
    fn identity(&self) -> u32 {
        self.0.identity
    }
    fn ifindex(&self) -> u32 {
        self.0.ifindex
    }
    fn macs(&self) -> [u32; 3] {
        self.0.macs
    }
}

impl Services for Maps {
    fn frontend(&self, key: &FrontendKey) -> Option<&FrontendValue> {
        self.frontends.get(key)
    }
    fn place(&self, key: &ListKey, place: usize) -> Option<u32> {
        Some(self.lists.get(key)?.backends[place])
    }
    fn is_member(&self, _key: &MemberKey) -> bool {
        false
    }
    fn backend(&self, id: u32) -> Option<&BackendValue> {
        self.backends.get(&id)
    }
    fn is_in_range(&self, key: &RangeKey) -> bool {
        self.ranges.iter().any(|own| {
            own.service_id == key.service_id
                && contains(own.prefix_len - RANGE_PREFIX, own.addr, key.addr)
        })
    }
    fn netns(&self, _cookie: u64) -> Option<&NetnsValue> {
        unreachable!("packets have addresses")
    }
    fn affinity(&self, key: &AffinityKey) -> Option<AffinityValue> {
        self.affinity.borrow().get(key).copied()
    }
    fn put_affinity(&self, key: &AffinityKey, value: &AffinityValue) {
        self.affinity.borrow_mut().insert(*key, *value);
    }
    fn is_node(&self, addr: &Addr) -> bool {
        let key = IpcacheKey { prefix_len: 128, addr: *addr };
        self.ipcache(&key).is_some_and(|owner| owner.flags & ipcache_flags::NODE != 0)
    }
    fn is_here(&self, _addr: &Addr) -> bool {
        unreachable!("packets pass by a device")
    }
    fn is_host(&self, _cookie: u64) -> bool {
        unreachable!("packets pass by a device")
    }
    fn now(&self) -> u64 {
        NOW
    }
    fn random(&self) -> u32 {
        let next = self.random.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.random.set(next);
        next
    }
}

impl Tell for Maps {
    fn count(&self, index: u32, _bytes: u32) {
        *self.counters.borrow_mut().entry(index).or_default() += 1;
    }
    fn emit(&self, event: &Event) -> bool {
        self.events.borrow_mut().push(*event);
        true
    }
    fn exact_now(&self) -> u64 {
        NOW
    }
}

impl Env for Maps {
    type Entry = Shared;
    type Near = Slot;

    fn tick(&self) -> u64 {
        NOW
    }
    fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }
    fn host(&self) -> Option<&HostValue> {
        Some(&self.host)
    }
    fn revision(&self) -> u32 {
        self.revision
    }
    fn device(&self, ifindex: u32) -> Option<&DeviceValue> {
        self.device.as_ref().filter(|_| ifindex == 1).or(self.other_devices.get(&ifindex))
    }
    fn endpoint(&self, addr: &Addr) -> Option<&EndpointValue> {
        self.endpoints.get(addr)
    }
    fn near(&self, slot: u32) -> Option<Slot> {
        Some(Slot(self.near.get(&slot).copied().unwrap_or_default()))
    }
    fn ipcache(&self, key: &IpcacheKey) -> Option<&IpcacheValue> {
        let wanted = key.addr;
        let fits =
            self.ipcache.iter().filter(|(own, _)| contains(own.prefix_len, own.addr, wanted));
        fits.max_by_key(|(prefix, _)| prefix.prefix_len).map(|(_, value)| value)
    }
    fn node(&self, id: u32) -> Option<&NodeValue> {
        self.nodes.get(&id)
    }
    fn node_id(&self, addr: &Addr) -> Option<u32> {
        self.node_addrs.get(addr).copied()
    }
    fn identity(&self, id: u32) -> Option<&IdentityValue> {
        self.identities.get(&id)
    }
    fn identity_class(&self, key: &PolicyIdentityKey) -> Option<u32> {
        self.identity_classes.get(key).copied()
    }
    fn addr_class(&self, key: &PolicyAddrKey) -> Option<u32> {
        let (policy, wanted) = (key.policy, key.addr);
        let own = self.addr_classes.iter().filter(|(own, _)| {
            let (len, of, addr) = (own.prefix_len - ADDR_PREFIX, own.policy, own.addr);
            of == policy && contains(len, addr, wanted)
        });
        own.max_by_key(|(own, _)| own.prefix_len).map(|(_, class)| *class)
    }
    fn port_class(&self, key: &PolicyPortKey) -> Option<u32> {
        let bits = |key: &PolicyPortKey| u32::from(u16::from_be_bytes(key.port_be));
        let own = self.port_classes.iter().filter(|(own, _)| {
            let shift = 16 - (own.prefix_len - PORT_PREFIX);
            let same = (own.policy, own.proto) == (key.policy, key.proto);
            same && bits(own) >> shift == bits(key) >> shift
        });
        own.max_by_key(|(own, _)| own.prefix_len).map(|(_, class)| *class)
    }
    fn cell(&self, key: &PolicyCellKey) -> Option<&PolicyCell> {
        self.cells.get(key)
    }
    fn quota(&self, endpoint_id: u32) -> Option<&AdmissionQuota> {
        self.quotas.get(&endpoint_id)
    }
    fn with_bucket<R>(&self, endpoint_id: u32, act: impl FnOnce(&mut Bucket) -> R) -> Option<R> {
        Some(act(self.buckets.borrow_mut().entry(endpoint_id).or_default()))
    }
    fn connection(&self, key: &CtKey) -> Option<Shared> {
        self.connections.borrow().get(key).map(|value| Shared(Rc::clone(value)))
    }
    fn put_connection(&self, key: &CtKey, value: &CtValue, how: Put) -> Result<(), PutError> {
        let mut connections = self.connections.borrow_mut();
        match (how, connections.contains_key(key)) {
            (Put::Claim, true) => return Err(PutError::Exists),
            (Put::Replace, false) => return Err(PutError::Absent),
            _ => {}
        }
        connections.insert(*key, Rc::new(RefCell::new(*value)));
        Ok(())
    }
    fn remove_connection(&self, key: &CtKey) {
        self.connections.borrow_mut().remove(key);
    }
    fn fragment(&self, key: &FragKey) -> Option<FragValue> {
        self.fragments.borrow().get(key).copied()
    }
    fn put_fragment(&self, key: &FragKey, value: &FragValue) {
        self.fragments.borrow_mut().insert(*key, *value);
    }
    fn repeat(&self, times: u32, mut step: impl FnMut() -> bool) {
        let _ = (0..times).all(|_| step());
    }
    fn blur(&self, value: u32, _noise: u32) -> u32 {
        value
    }
}

/// Tells whether an address has the first bits of a prefix.
fn contains(len: u32, prefix: Addr, addr: Addr) -> bool {
    let mask = if len == 0 { 0 } else { u128::MAX << (128 - len) };
    u128::from_be_bytes(prefix.bytes()) & mask == u128::from_be_bytes(addr.bytes()) & mask
}

impl Rig for Simulation {
    fn config(&mut self, value: Config) {
        self.maps.config = Some(value);
    }
    fn host(&mut self, value: HostValue) {
        self.maps.host = value;
    }
    fn revision(&mut self, value: u32) {
        self.maps.revision = value;
    }
    fn endpoint(&mut self, addr: Addr, value: EndpointValue) {
        self.maps.endpoints.insert(addr, value);
    }
    fn near(&mut self, slot: u32, value: NearValue) {
        self.maps.near.insert(slot, value);
    }
    fn ipcache(&mut self, key: IpcacheKey, value: IpcacheValue) {
        self.maps.ipcache.insert(key, value);
    }
    fn node(&mut self, id: u32, value: NodeValue) {
        self.maps.nodes.insert(id, value);
    }
    fn node_addr(&mut self, addr: Addr, id: u32) {
        self.maps.node_addrs.insert(addr, id);
    }
    fn quota(&mut self, endpoint_id: u32, value: AdmissionQuota) {
        self.maps.quotas.insert(endpoint_id, value);
    }
    fn device(&mut self, value: Option<DeviceValue>) {
        self.maps.device = value;
    }
    fn other_device(&mut self, ifindex: u32, value: DeviceValue) {
        self.maps.other_devices.insert(ifindex, value);
    }
    fn identity(&mut self, id: u32, value: IdentityValue) {
        self.maps.identities.insert(id, value);
    }
    fn identity_class(&mut self, key: PolicyIdentityKey, class: u32) {
        self.maps.identity_classes.insert(key, class);
    }
    fn addr_class(&mut self, key: PolicyAddrKey, class: u32) {
        self.maps.addr_classes.insert(key, class);
    }
    fn port_class(&mut self, key: PolicyPortKey, class: u32) {
        self.maps.port_classes.insert(key, class);
    }
    fn cell(&mut self, key: PolicyCellKey, value: PolicyCell) {
        self.maps.cells.insert(key, value);
    }
    fn frontend(&mut self, key: FrontendKey, value: FrontendValue) {
        self.maps.frontends.insert(key, value);
    }
    fn list_block(&mut self, key: ListKey, value: ListBlock) {
        self.maps.lists.insert(key, value);
    }
    fn range(&mut self, key: RangeKey) {
        self.maps.ranges.push(key);
    }
    fn backend(&mut self, id: u32, value: Option<BackendValue>) {
        match value {
            Some(value) => drop(self.maps.backends.insert(id, value)),
            None => drop(self.maps.backends.remove(&id)),
        }
    }

    fn run(&mut self, hook: Hook, frame: &[u8], meta: Meta) -> Ran {
        let packet = Bytes {
            bytes: frame.to_vec().into(),
            mark: meta.mark.into(),
            ingress_ifindex: meta.ingress_ifindex,
            route: self.route,
            sockets: self.sockets.clone(),
            tunnel: meta.tunnel.map(|(vni, remote)| Tunnel { vni, remote }),
            ..Bytes::default()
        };
        let (maps, state) = (&self.maps, &mut self.state);
        let action = match hook {
            Hook::FromPod => walk::from_pod(maps, &packet, || Some(state)),
            Hook::ToPod => walk::to_pod(maps, &packet, state),
            Hook::FromNetdev => walk::from_netdev(maps, &packet, state),
            Hook::ToNetdev => walk::to_netdev(maps, &packet, state),
            Hook::FromOverlay => walk::from_overlay(maps, &packet, state),
            Hook::ToOverlay => walk::to_overlay(maps, &packet, state),
        };
        self.sent_tunnel = packet.sent_tunnel.get();
        self.outcome = Some(action.outcome());
        let verdict = match action.outcome() {
            Outcome::Drop => Verdict::Drop,
            Outcome::Accept => Verdict::Accept,
            Outcome::Peer(_) | Outcome::Device(_) | Outcome::Neighbour(_) | Outcome::Back(_) => {
                Verdict::Redirect
            }
        };
        Ran { verdict, frame: packet.bytes.into_inner(), mark: packet.mark.get() }
    }

    fn counters(&self) -> BTreeMap<u32, u64> {
        self.maps.counters.borrow().clone()
    }
    fn events(&mut self) -> Vec<Event> {
        self.maps.events.take()
    }
    fn connections(&self) -> BTreeMap<CtKey, CtValue> {
        let connections = self.maps.connections.borrow();
        connections.iter().map(|(key, value)| (*key, *value.borrow())).collect()
    }
    fn put_connection(&mut self, key: CtKey, value: CtValue) {
        self.maps.connections.borrow_mut().insert(key, Rc::new(RefCell::new(value)));
    }
    fn forget(&mut self, key: CtKey) {
        self.maps.connections.borrow_mut().remove(&key);
    }
    fn route(&mut self, ifindex: u32) {
        self.route = Some(Route::by(ifindex));
    }
    fn has_routes(&self) -> bool {
        true
    }
    fn now(&self) -> u64 {
        NOW
    }
    fn has_tunnels(&self) -> bool {
        true
    }
}
