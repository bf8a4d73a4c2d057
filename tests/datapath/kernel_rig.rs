//! The compiled programs in this kernel, run by BPF_PROG_TEST_RUN on maps of their own.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aya::{
    Ebpf,
    maps::{
        Array, HashMap, LpmTrie, MapData, PerCpuArray, PerCpuHashMap, PerCpuValues, RingBuf,
        lpm_trie::Key,
    },
    programs::{SchedClassifier, TestRun as _, TestRunOptions},
    util::nr_cpus,
};
use skep::kernel::OBJECT;
use skep_bpf::abi::{
    Addr, AdmissionQuota, AffinityKey, AffinityValue, BackendValue, Bucket, Config, Counter, CtKey,
    CtValue, DeviceValue, EndpointValue, Event, FragKey, FragValue, FrontendKey, FrontendValue,
    HostValue, IdentityValue, IpcacheKey, IpcacheValue, ListBlock, ListKey, NEAR_SLOTS, NearValue,
    NodeValue, PolicyAddrKey, PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey,
    RangeKey, maps, programs,
};

use crate::rig::{Hook, Meta, Ran, Rig, Verdict};

/// The loopback device: test runs want one that exists.
const DEVICE: u32 = 1;
const CONTEXT: usize = 192;
const MARK_AT: usize = 8;
const INGRESS_IFINDEX_AT: usize = 36;

/// Loaded objects that no test uses now. Verifying takes seconds, in an emulated machine minutes,
/// so tests hand them on, with empty maps.
static IDLE: Mutex<Vec<Ebpf>> = Mutex::new(Vec::new());

/// All programs, loaded, with maps that nobody else sees.
pub(crate) struct KernelRig {
    bpf: Option<Ebpf>,
}

/// Numbers of backends that tests may use.
const BACKENDS: u32 = 1024;

impl Drop for KernelRig {
    fn drop(&mut self) {
        if let (Some(bpf), false) = (self.bpf.take(), std::thread::panicking()) {
            IDLE.lock().expect("nobody panics with the lock").push(bpf);
        }
    }
}

impl KernelRig {
    pub(crate) fn new() -> Self {
        let idle = IDLE.lock().expect("nobody panics with the lock").pop();
        let mut rig = Self { bpf: Some(idle.unwrap_or_else(load)) };
        rig.empty_maps();
        rig
    }

    fn bpf(&mut self) -> &mut Ebpf {
        self.bpf.as_mut().expect("taken only by drop")
    }

    fn bpf_ref(&self) -> &Ebpf {
        self.bpf.as_ref().expect("taken only by drop")
    }

    fn empty_maps(&mut self) {
        self.clear::<Addr, EndpointValue>(maps::ENDPOINT);
        (0..2 * NEAR_SLOTS).for_each(|slot| self.near(slot, NearValue::default()));
        self.clear::<u32, DeviceValue>(maps::DEVICE);
        self.clear::<u32, NodeValue>(maps::NODE);
        self.clear::<Addr, u32>(maps::NODE_ADDR);
        self.clear::<u32, AdmissionQuota>(maps::QUOTA);
        self.clear::<CtKey, CtValue>(maps::CONNTRACK);
        self.clear::<FragKey, FragValue>(maps::FRAGMENT);
        self.clear::<FrontendKey, FrontendValue>(maps::FRONTEND);
        self.clear::<ListKey, ListBlock>(maps::LIST);
        (0..BACKENDS).for_each(|id| self.backend(id, None));
        self.clear::<AffinityKey, AffinityValue>(maps::AFFINITY);
        self.set(maps::CONFIG, 0, Config::default());
        self.set(maps::HOST, 0, HostValue::default());
        self.set(maps::REVISION, 0, 0_u32);
        self.clear::<u32, IdentityValue>(maps::IDENTITY);
        self.clear::<PolicyIdentityKey, u32>(maps::POLICY_IDENTITY);
        self.clear::<PolicyCellKey, PolicyCell>(maps::POLICY_CELL);
        self.clear_trie::<[u8; 16], IpcacheValue>(maps::IPCACHE);
        self.clear_trie::<[u8; 20], u32>(maps::POLICY_ADDR);
        self.clear_trie::<[u8; 20], u32>(maps::RANGE);
        self.clear_trie::<[u8; 8], u32>(maps::POLICY_PORT);
        let map = self.bpf().map_mut(maps::ADMISSION).expect("the map exists");
        let mut buckets: PerCpuHashMap<_, u32, Bucket> = map.try_into().expect("a per-CPU hash");
        let keys: Vec<_> = buckets.keys().map(|key| key.expect("a read")).collect();
        for key in keys {
            buckets.remove(&key).expect("a removal");
        }
        let moved: Vec<u32> = self.counters().into_keys().collect();
        let map = self.bpf().map_mut(maps::METRICS).expect("the map exists");
        let mut counters: PerCpuArray<_, Counter> = map.try_into().expect("a per-CPU array");
        for index in moved {
            let zeros = vec![Counter::default(); nr_cpus().expect("CPUs can be counted")];
            let zeros = PerCpuValues::try_from(zeros).expect("one value for each CPU");
            counters.set(index, zeros, 0).expect("a write");
        }
        self.events();
    }

    fn clear<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) {
        let mut hash = self.hash::<K, V>(name);
        let keys: Vec<K> = hash.keys().map(|key| key.expect("a read")).collect();
        for key in keys {
            hash.remove(&key).expect("a removal");
        }
    }

    fn trie<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) -> LpmTrie<&mut MapData, K, V> {
        LpmTrie::try_from(self.bpf().map_mut(name).expect("the map exists")).expect("a trie")
    }

    fn clear_trie<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) {
        let mut trie = self.trie::<K, V>(name);
        let keys: Vec<_> = trie.keys().map(|key| key.expect("a read")).collect();
        for key in keys {
            trie.remove(&key).expect("a removal");
        }
    }

    /// Returns each program's verified instructions.
    pub(crate) fn verified(&mut self) -> Vec<(&'static str, u32)> {
        programs::PACKETS
            .into_iter()
            .map(|name| {
                let info = program(self.bpf(), name).info().expect("a loaded program has info");
                (name, info.verified_instruction_count().unwrap_or(0))
            })
            .collect()
    }

    /// Runs a packet `repeat` times and returns the mean time. It must be redirected to the last.
    pub(crate) fn time(&mut self, hook: Hook, frame: &[u8], meta: Meta, repeat: u32) -> Duration {
        let (ran, mean) = self.execute(hook, frame, meta, repeat).expect("the packet can be run");
        assert_eq!(ran.verdict, Verdict::Redirect, "a drop costs something else");
        mean
    }

    /// Runs a packet; `None` if the kernel refuses to make one of these bytes.
    pub(crate) fn try_run(&mut self, hook: Hook, frame: &[u8], meta: Meta) -> Option<Ran> {
        self.execute(hook, frame, meta, 1).map(|(ran, _)| ran)
    }

    fn execute(
        &mut self,
        hook: Hook,
        frame: &[u8],
        meta: Meta,
        repeat: u32,
    ) -> Option<(Ran, Duration)> {
        assert!(meta.tunnel.is_none(), "test runs cannot supply a tunnel key");
        let mut context = [0_u8; CONTEXT];
        context[MARK_AT..MARK_AT + 4].copy_from_slice(&meta.mark.to_ne_bytes());
        context[INGRESS_IFINDEX_AT..INGRESS_IFINDEX_AT + 4]
            .copy_from_slice(&meta.ingress_ifindex.to_ne_bytes());
        let mut context_out = [0_u8; CONTEXT];
        let mut out = vec![0; frame.len() + 64];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: Some(&context),
            ctx_out: Some(&mut context_out),
            repeat,
            ..TestRunOptions::new()
        };
        let result = program(self.bpf(), name(hook)).test_run(options).ok()?;
        out.truncate(result.data_size_out as usize);
        let verdict = match result.return_value {
            0 => Verdict::Accept,
            2 => Verdict::Drop,
            7 => Verdict::Redirect,
            other => panic!("no program returns {other}"),
        };
        let mark = context_out[MARK_AT..MARK_AT + 4].try_into().expect("four bytes");
        Some((Ran { verdict, frame: out, mark: u32::from_ne_bytes(mark) }, result.duration))
    }

    fn hash<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) -> HashMap<&mut MapData, K, V> {
        HashMap::try_from(self.bpf().map_mut(name).expect("the map exists")).expect("a hash")
    }

    fn set<V: aya::Pod>(&mut self, name: &str, index: u32, value: V) {
        let map = self.bpf().map_mut(name).expect("the map exists");
        let mut array: Array<_, V> = map.try_into().expect("an array");
        array.set(index, value, 0).expect("a write");
    }

    fn put<K: aya::Pod, V: aya::Pod>(&mut self, name: &str, key: K, value: V) {
        self.hash(name).insert(key, value, 0).expect("a write");
    }
}

fn load() -> Ebpf {
    let mut bpf = Ebpf::load(OBJECT).expect("the object loads");
    for name in programs::PACKETS {
        program(&mut bpf, name).load().expect("the verifier accepts every program");
    }
    bpf
}

fn program<'a>(bpf: &'a mut Ebpf, name: &str) -> &'a mut SchedClassifier {
    bpf.program_mut(name).expect("the program exists").try_into().expect("a classifier")
}

fn name(hook: Hook) -> &'static str {
    match hook {
        Hook::FromPod => programs::FROM_POD,
        Hook::ToPod => programs::TO_POD,
        Hook::FromNetdev => programs::FROM_NETDEV,
        Hook::ToNetdev => programs::TO_NETDEV,
        Hook::FromOverlay => programs::FROM_OVERLAY,
        Hook::ToOverlay => programs::TO_OVERLAY,
    }
}

impl Rig for KernelRig {
    fn config(&mut self, value: Config) {
        self.set(maps::CONFIG, 0, value);
    }
    fn host(&mut self, value: HostValue) {
        self.set(maps::HOST, 0, value);
    }
    fn revision(&mut self, value: u32) {
        self.set(maps::REVISION, 0, value);
    }
    fn endpoint(&mut self, addr: Addr, value: EndpointValue) {
        self.put(maps::ENDPOINT, addr, value);
    }
    fn near(&mut self, slot: u32, value: NearValue) {
        self.set(maps::NEAR, slot, value);
    }
    fn ipcache(&mut self, key: IpcacheKey, value: IpcacheValue) {
        let (prefix_len, addr) = (key.prefix_len, key.addr);
        let mut trie = self.trie(maps::IPCACHE);
        trie.insert(&Key::new(prefix_len, addr.bytes()), value, 0).expect("a write");
    }
    fn node(&mut self, id: u32, value: NodeValue) {
        self.put(maps::NODE, id, value);
    }
    fn node_addr(&mut self, addr: Addr, id: u32) {
        self.put(maps::NODE_ADDR, addr, id);
    }
    fn quota(&mut self, endpoint_id: u32, value: AdmissionQuota) {
        self.put(maps::QUOTA, endpoint_id, value);
    }
    fn device(&mut self, value: Option<DeviceValue>) {
        match value {
            Some(value) => self.put(maps::DEVICE, DEVICE, value),
            None => drop(self.hash::<u32, DeviceValue>(maps::DEVICE).remove(&DEVICE)),
        }
    }
    fn other_device(&mut self, ifindex: u32, value: DeviceValue) {
        self.put(maps::DEVICE, ifindex, value);
    }
    fn identity(&mut self, id: u32, value: IdentityValue) {
        self.put(maps::IDENTITY, id, value);
    }
    fn identity_class(&mut self, key: PolicyIdentityKey, class: u32) {
        self.put(maps::POLICY_IDENTITY, key, class);
    }
    fn addr_class(&mut self, key: PolicyAddrKey, class: u32) {
        let (prefix_len, policy, addr) = (key.prefix_len, key.policy, key.addr);
        let mut data = [0_u8; 20];
        data[..4].copy_from_slice(&policy.to_ne_bytes());
        data[4..].copy_from_slice(&addr.bytes());
        let mut trie = self.trie(maps::POLICY_ADDR);
        trie.insert(&Key::new(prefix_len, data), class, 0).expect("a write");
    }
    fn port_class(&mut self, key: PolicyPortKey, class: u32) {
        let mut data = [0_u8; 8];
        data[..4].copy_from_slice(&key.policy.to_ne_bytes());
        (data[4], data[6], data[7]) = (key.proto, key.port_be[0], key.port_be[1]);
        let mut trie = self.trie(maps::POLICY_PORT);
        trie.insert(&Key::new(key.prefix_len, data), class, 0).expect("a write");
    }
    fn cell(&mut self, key: PolicyCellKey, value: PolicyCell) {
        self.put(maps::POLICY_CELL, key, value);
    }
    fn frontend(&mut self, key: FrontendKey, value: FrontendValue) {
        self.put(maps::FRONTEND, key, value);
    }
    fn list_block(&mut self, key: ListKey, value: ListBlock) {
        self.put(maps::LIST, key, value);
    }
    fn range(&mut self, key: RangeKey) {
        let mut data = [0_u8; 20];
        data[..4].copy_from_slice(&key.service_id.to_ne_bytes());
        data[4..].copy_from_slice(&key.addr.bytes());
        let mut trie = self.trie(maps::RANGE);
        trie.insert(&Key::new(key.prefix_len, data), 1_u32, 0).expect("a write");
    }
    fn backend(&mut self, id: u32, value: Option<BackendValue>) {
        assert!(id < BACKENDS, "the next test would find it");
        self.set(maps::BACKEND, id, value.unwrap_or(BackendValue::NOBODY));
    }

    fn run(&mut self, hook: Hook, frame: &[u8], meta: Meta) -> Ran {
        self.try_run(hook, frame, meta).expect("the kernel accepts the packet")
    }

    fn counters(&self) -> BTreeMap<u32, u64> {
        let map = self.bpf_ref().map(maps::METRICS).expect("the map exists");
        let array: PerCpuArray<_, Counter> = map.try_into().expect("a per-CPU array");
        (0..array.len())
            .map(|index| {
                let values = array.get(&index, 0).expect("a read");
                (index, values.iter().map(|counter| counter.packets).sum())
            })
            .filter(|(_, packets)| *packets != 0)
            .collect()
    }

    fn events(&mut self) -> Vec<Event> {
        let map = self.bpf().map_mut(maps::EVENTS).expect("the map exists");
        let mut ring = RingBuf::try_from(map).expect("a ring");
        let mut events = Vec::new();
        while let Some(item) = ring.next() {
            events.push(event(&item));
        }
        events
    }

    fn connections(&self) -> BTreeMap<CtKey, CtValue> {
        let map = self.bpf_ref().map(maps::CONNTRACK).expect("the map exists");
        let hash: HashMap<_, CtKey, CtValue> = map.try_into().expect("a hash");
        hash.iter().map(|entry| entry.expect("a read")).collect()
    }
    fn put_connection(&mut self, key: CtKey, value: CtValue) {
        self.put(maps::CONNTRACK, key, value);
    }
    fn forget(&mut self, key: CtKey) {
        drop(self.hash::<CtKey, CtValue>(maps::CONNTRACK).remove(&key));
    }
    fn route(&mut self, _ifindex: u32) {}
    fn has_routes(&self) -> bool {
        false
    }
    fn now(&self) -> u64 {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
            .expect("the clock exists");
        now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
    }
    fn has_tunnels(&self) -> bool {
        false
    }
}

/// Copies a record of the ring.
fn event(bytes: &[u8]) -> Event {
    assert_eq!(bytes.len(), size_of::<Event>(), "a record is one event");
    // SAFETY: the length was checked; any bytes are an event.
    unsafe { bytes.as_ptr().cast::<Event>().read_unaligned() }
}
