//! The eBPF programs: thin adapters from the kernel to the logic in `skep_bpf`. Until that logic is
//! here they let everything pass, so that loading and attaching can be worked on.
#![no_std]
#![no_main]

use aya_ebpf::{
    bindings::TC_ACT_OK,
    macros::{classifier, map},
    maps::{Array, HashMap, LpmTrie, PerCpuArray, RingBuf, lpm_trie::Key},
    programs::TcContext,
};
use skep_bpf::abi::*;

#[map(name = "config_v1")]
static CONFIG: Array<Config> = Array::with_max_entries(1, 0);
#[map(name = "revision_v1")]
static REVISION: Array<u32> = Array::with_max_entries(1, 0);
#[map(name = "ct_v1")]
static CT: HashMap<CtKey, CtValue> = HashMap::with_max_entries(16384, 1);
#[map(name = "device_v1")]
static DEVICE: HashMap<u32, DeviceValue> = HashMap::with_max_entries(1024, 0);
#[map(name = "endpoint_v1")]
static ENDPOINT: HashMap<Addr, EndpointValue> = HashMap::with_max_entries(1024, 0);
#[map(name = "node_v1")]
static NODE: HashMap<u32, NodeValue> = HashMap::with_max_entries(1024, 0);
#[map(name = "node_addr_v1")]
static NODE_ADDR: HashMap<Addr, u32> = HashMap::with_max_entries(1024, 0);
#[map(name = "identity_v1")]
static IDENTITY: HashMap<u32, IdentityValue> = HashMap::with_max_entries(1024, 0);
#[map(name = "quota_v1")]
static QUOTA: HashMap<u32, AdmissionQuota> = HashMap::with_max_entries(1024, 0);
#[map(name = "ipcache_v1")]
static IPCACHE: LpmTrie<[u32; 4], IpcacheValue> = LpmTrie::with_max_entries(1024, 1);
#[map(name = "metrics_v1")]
static METRICS: PerCpuArray<Counter> = PerCpuArray::with_max_entries(1024, 0);
#[map(name = "events_v1")]
static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

#[inline(always)]
fn pass(program: u32) -> i32 {
    let _ = CONFIG.get(0);
    let _ = REVISION.get(0);
    let key = CtKey { port_a: program as u16, ..Default::default() };
    if CT.get_ptr(&key).is_none() {
        let _ = CT.insert(&key, &CtValue { kind: 1, ..Default::default() }, 0);
    }
    let _ = DEVICE.get_ptr(&1);
    let _ = ENDPOINT.get_ptr(&Addr::ZERO);
    let _ = NODE.get_ptr(&1);
    let _ = NODE_ADDR.get_ptr(&Addr::ZERO);
    let _ = IDENTITY.get_ptr(&1);
    let _ = QUOTA.get_ptr(&1);
    let _ = IPCACHE.get(&Key::new(128, [0; 4]));
    if let Some(m) = METRICS.get_ptr_mut(program) {
        unsafe { (*m).packets += 1 };
    }
    if let Some(mut e) = EVENTS.reserve::<Event>(0) {
        let event = Event {
            time: 5,
            kind: 4,
            ip_version: 4,
            proto: 17,
            observation: 5,
            direction: 2,
            flags: 2,
            ..Default::default()
        };
        e.write(event);
        e.submit(0);
    }
    TC_ACT_OK
}

#[classifier]
pub fn from_pod(_ctx: TcContext) -> i32 {
    pass(1 << 2)
}
#[classifier]
pub fn to_pod(_ctx: TcContext) -> i32 {
    pass(2 << 2)
}
#[classifier]
pub fn from_netdev(_ctx: TcContext) -> i32 {
    pass(3 << 2)
}
#[classifier]
pub fn to_netdev(_ctx: TcContext) -> i32 {
    pass(4 << 2)
}
#[classifier]
pub fn from_overlay(_ctx: TcContext) -> i32 {
    pass(5 << 2)
}
#[classifier]
pub fn to_overlay(_ctx: TcContext) -> i32 {
    pass(6 << 2)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
