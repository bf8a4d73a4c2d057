//! The maps, clocks and the ring as the logic sees them.

use core::{arch::asm, ffi::c_void};

use aya_ebpf::{
    bindings::{
        BPF_ANY, BPF_EXIST, BPF_NOEXIST, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP,
    },
    helpers::{bpf_ktime_get_ns, bpf_loop},
};
use skep_bpf::{
    abi::{
        Addr, AdmissionQuota, Bucket, Config, CtKey, CtValue, DeviceValue, EndpointValue, Event,
        FragKey, FragValue, HostValue, IdentityValue, IpcacheKey, IpcacheValue, NodeValue,
        PolicyAddrKey, PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey,
    },
    env::{Env, Put, PutError, Tell},
    state::State,
};

use crate::{entry::MapEntry, maps, near::NearEntry, once, tick};

/// The kernel this program runs in.
pub(crate) struct Kernel;

const EEXIST: i32 = -17;
const ENOENT: i32 = -2;
const EBUSY: i32 = -16;

impl Tell for Kernel {
    #[inline(always)]
    fn count(&self, index: u32, bytes: u32) {
        if let Some(counter) = maps::METRICS.get_ptr_mut(index) {
            // SAFETY: the value is this CPU's. A program of a system call may be interrupted here, and then a
            // packet may not be counted.
            let counter = unsafe { &mut *counter };
            counter.packets += 1;
            counter.bytes += u64::from(bytes);
        }
    }

    #[inline(always)]
    fn emit(&self, event: &Event) -> bool {
        // While events flow the reader polls; only the first one after silence wakes it.
        let idle = maps::EVENTS.query(BPF_RB_AVAIL_DATA.into()) == 0;
        let flags = if idle { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
        maps::EVENTS.output::<Event>(event, flags.into()).is_ok()
    }

    #[inline(always)]
    fn exact_now(&self) -> u64 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_ktime_get_ns() }
    }
}

impl Env for Kernel {
    type Entry = MapEntry;
    type Near = NearEntry;

    #[inline(always)]
    fn tick(&self) -> u64 {
        tick::now()
    }
    #[inline(always)]
    fn config(&self) -> Option<&Config> {
        maps::CONFIG.get(0)
    }
    #[inline(always)]
    fn host(&self) -> Option<&HostValue> {
        maps::HOST.get(0)
    }
    #[inline(always)]
    fn revision(&self) -> u32 {
        // SAFETY: an aligned integer in map memory; user space writes it whole.
        maps::REVISION.get_ptr(0).map_or(0, |revision| unsafe { revision.read_volatile() })
    }
    #[inline(always)]
    fn device(&self, ifindex: u32) -> Option<&DeviceValue> {
        // SAFETY: map memory stays readable for the run of the program (RCU); a removed element
        // may be reused, and then the packet meets the device's successor.
        unsafe { maps::DEVICE.get(ifindex) }
    }
    #[inline(always)]
    fn endpoint(&self, addr: &Addr) -> Option<&EndpointValue> {
        // SAFETY: as for `device`.
        unsafe { maps::ENDPOINT.get(addr) }
    }
    #[inline(always)]
    fn near(&self, slot: u32) -> Option<NearEntry> {
        maps::NEAR.get_ptr(slot).map(NearEntry::new)
    }
    #[inline(always)]
    fn ipcache(&self, key: &IpcacheKey) -> Option<&IpcacheValue> {
        maps::IPCACHE.get(maps::prefix(key))
    }
    #[inline(always)]
    fn node(&self, id: u32) -> Option<&NodeValue> {
        // SAFETY: as for `device`.
        unsafe { maps::NODE.get(id) }
    }
    #[inline(always)]
    fn node_id(&self, addr: &Addr) -> Option<u32> {
        // SAFETY: as for `device`.
        unsafe { maps::NODE_ADDR.get(addr) }.copied()
    }
    #[inline(always)]
    fn identity(&self, id: u32) -> Option<&IdentityValue> {
        // SAFETY: as for `device`.
        unsafe { maps::IDENTITY.get(id) }
    }
    #[inline(always)]
    fn identity_class(&self, key: &PolicyIdentityKey) -> Option<u32> {
        // SAFETY: as for `device`; the value is copied at once.
        unsafe { maps::POLICY_IDENTITY.get(key) }.copied()
    }
    #[inline(always)]
    fn addr_class(&self, key: &PolicyAddrKey) -> Option<u32> {
        maps::POLICY_ADDR.get(maps::policy_addr(key)).copied()
    }
    #[inline(always)]
    fn port_class(&self, key: &PolicyPortKey) -> Option<u32> {
        maps::POLICY_PORT.get(maps::policy_port(key)).copied()
    }
    #[inline(always)]
    fn cell(&self, key: &PolicyCellKey) -> Option<&PolicyCell> {
        // SAFETY: as for `device`.
        unsafe { maps::POLICY_CELL.get(key) }
    }
    #[inline(always)]
    fn quota(&self, endpoint_id: u32) -> Option<&AdmissionQuota> {
        // SAFETY: as for `device`.
        unsafe { maps::QUOTA.get(endpoint_id) }
    }

    #[inline(always)]
    fn with_bucket<R>(&self, endpoint_id: u32, act: impl FnOnce(&mut Bucket) -> R) -> Option<R> {
        let bucket = match maps::ADMISSION.get_ptr_mut(endpoint_id) {
            Some(bucket) => bucket,
            None => {
                maps::ADMISSION.insert(endpoint_id, Bucket::default(), BPF_ANY.into()).ok()?;
                maps::ADMISSION.get_ptr_mut(endpoint_id)?
            }
        };
        // SAFETY: the value is this CPU's, and no other program runs on it meanwhile.
        Some(act(unsafe { &mut *bucket }))
    }

    #[inline(always)]
    fn connection(&self, key: &CtKey) -> Option<MapEntry> {
        maps::CONNTRACK.get_ptr_mut(key).map(MapEntry::new)
    }
    #[inline(always)]
    fn put_connection(&self, key: &CtKey, value: &CtValue, how: Put) -> Result<(), PutError> {
        let flags = match how {
            Put::Any => BPF_ANY,
            Put::Claim => BPF_NOEXIST,
            Put::Replace => BPF_EXIST,
        };
        maps::CONNTRACK.insert(key, value, flags.into()).map_err(|errno| match errno {
            EEXIST => PutError::Exists,
            ENOENT => PutError::Absent,
            EBUSY => PutError::Busy,
            _ => PutError::Full,
        })
    }
    #[inline(always)]
    fn remove_connection(&self, key: &CtKey) {
        let _ = maps::CONNTRACK.remove(key);
    }

    #[inline(always)]
    fn fragment(&self, key: &FragKey) -> Option<FragValue> {
        // SAFETY: as for `device`; the value is copied at once.
        unsafe { maps::FRAGMENT.get(key) }.copied()
    }
    #[inline(always)]
    fn put_fragment(&self, key: &FragKey, value: &FragValue) {
        // A cache: when it cannot be written, later fragments are dropped with their own reason.
        let _ = maps::FRAGMENT.insert(key, value, BPF_ANY.into());
    }

    #[inline(always)]
    fn judge(&self, st: &mut State) -> u32 {
        once::judge(st)
    }

    #[inline(always)]
    fn repeat(&self, times: u32, mut step: impl FnMut() -> bool) {
        /// Calls the closure behind the context as the kernel calls loop bodies: 1 ends the loop.
        unsafe extern "C" fn body<F: FnMut() -> bool>(_index: u64, step: *mut c_void) -> i64 {
            // SAFETY: the context is the closure below, which outlives the loop.
            let step = unsafe { &mut *step.cast::<F>() };
            i64::from(!step())
        }
        fn body_of<F: FnMut() -> bool>(_step: &F) -> *mut c_void {
            body::<F> as *mut c_void
        }
        let call = body_of(&step);
        // SAFETY: body and context belong together.
        unsafe { bpf_loop(times, call, (&raw mut step).cast(), 0) };
    }

    #[inline(always)]
    fn blur(&self, value: u32, noise: u32) -> u32 {
        let blurred: u64;
        // SAFETY: register arithmetic only, and what it adds it takes away again.
        unsafe {
            asm!(
                "{value} ^= {noise}",
                "{value} ^= {noise}",
                value = inout(reg) u64::from(value) => blurred,
                noise = in(reg) u64::from(noise),
                options(pure, nomem, nostack)
            );
        }
        blurred as u32
    }
}
