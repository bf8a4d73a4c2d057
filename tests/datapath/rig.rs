//! What a scenario needs of the datapath under test: the simulated one or the kernel's.

use std::collections::BTreeMap;

use skep_bpf::abi::{
    Addr, AdmissionQuota, BackendValue, Config, CtKey, CtValue, DeviceValue, EndpointValue, Event,
    FrontendKey, FrontendValue, HostValue, IdentityValue, IpcacheKey, IpcacheValue, ListBlock,
    ListKey, NearValue, NodeValue, PolicyAddrKey, PolicyCell, PolicyCellKey, PolicyIdentityKey,
    PolicyPortKey, RangeKey,
};

use crate::frames::{self, Frame};

/// The six programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    FromPod,
    ToPod,
    FromNetdev,
    ToNetdev,
    FromOverlay,
    ToOverlay,
}

impl Hook {
    pub(crate) const ALL: [Self; 6] = [
        Self::FromPod,
        Self::ToPod,
        Self::FromNetdev,
        Self::ToNetdev,
        Self::FromOverlay,
        Self::ToOverlay,
    ];
}

/// What a program made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Drop,
    Accept,
    Redirect,
}

/// What the kernel knows of a packet besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) mark: u32,
    pub(crate) ingress_ifindex: u32,
    /// VNI and outer source; only the simulation can have them.
    pub(crate) tunnel: Option<(u32, Addr)>,
}

/// A packet after a program ran.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) verdict: Verdict,
    pub(crate) frame: Vec<u8>,
    pub(crate) mark: u32,
}

/// Asserts that a frame is another one but for its link header and hops.
#[track_caller]
pub(crate) fn assert_like(ran: &Ran, wanted: &Frame) {
    let mut wanted = wanted.clone().ttl(frames::ttl(&ran.frame)).bytes();
    wanted[..12].copy_from_slice(&ran.frame[..12]);
    assert_eq!(ran.frame, wanted);
    assert!(frames::sums_are_valid(&ran.frame));
}

/// A datapath under test. Programs run on device 1.
pub(crate) trait Rig {
    fn config(&mut self, value: Config);
    fn host(&mut self, value: HostValue);
    fn revision(&mut self, value: u32);
    fn endpoint(&mut self, addr: Addr, value: EndpointValue);
    fn near(&mut self, slot: u32, value: NearValue);
    fn ipcache(&mut self, key: IpcacheKey, value: IpcacheValue);
    fn node(&mut self, id: u32, value: NodeValue);
    fn node_addr(&mut self, addr: Addr, id: u32);
    fn quota(&mut self, endpoint_id: u32, value: AdmissionQuota);
    /// Writes the entry of the device where programs run.
    fn device(&mut self, value: Option<DeviceValue>);
    /// Writes the entry of another one.
    fn other_device(&mut self, ifindex: u32, value: DeviceValue);
    fn identity(&mut self, id: u32, value: IdentityValue);
    fn identity_class(&mut self, key: PolicyIdentityKey, class: u32);
    fn addr_class(&mut self, key: PolicyAddrKey, class: u32);
    fn port_class(&mut self, key: PolicyPortKey, class: u32);
    fn cell(&mut self, key: PolicyCellKey, value: PolicyCell);
    fn frontend(&mut self, key: FrontendKey, value: FrontendValue);
    fn list_block(&mut self, key: ListKey, value: ListBlock);
    /// Writes a list of backends, by their numbers.
    fn list(&mut self, list: u32, backends: &[u32]) {
        for (block, places) in (0..).zip(backends.chunks(ListBlock::PLACES)) {
            let mut value = ListBlock::default();
            value.backends[..places.len()].copy_from_slice(places);
            self.list_block(ListKey { list, block }, value);
        }
    }
    fn range(&mut self, key: RangeKey);
    fn backend(&mut self, id: u32, value: Option<BackendValue>);

    fn run(&mut self, hook: Hook, frame: &[u8], meta: Meta) -> Ran;

    /// Packets by metric index, where there are any.
    fn counters(&self) -> BTreeMap<u32, u64>;
    fn events(&mut self) -> Vec<Event>;
    fn connections(&self) -> BTreeMap<CtKey, CtValue>;
    fn put_connection(&mut self, key: CtKey, value: CtValue);
    fn forget(&mut self, key: CtKey);
    /// Lets all routes go by a device, where routes can be simulated.
    fn route(&mut self, ifindex: u32);
    fn has_routes(&self) -> bool;
    /// Monotonic time, ns.
    fn now(&self) -> u64;
    /// Whether the overlay's tunnel key can be simulated.
    fn has_tunnels(&self) -> bool;
}
