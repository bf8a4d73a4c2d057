//! The time at tick resolution, asked for once in a tick.

use core::{cell::UnsafeCell, ptr::addr_of};

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_coarse_ns};

/// When it was asked for last, in ticks, and what the answer was, ns.
struct Last {
    tick: u64,
    now: u64,
}

/// Shared by all CPUs.
struct Shared(UnsafeCell<Last>);

// SAFETY: its integers are read and written whole. A CPU that is held up in between may leave an answer of an
// earlier tick for the rest of this one, which is but a moment.
unsafe impl Sync for Shared {}

static LAST: Shared = Shared(UnsafeCell::new(Last { tick: 0, now: 0 }));

/// Returns the monotonic time at tick resolution, ns. The kernel's answer takes three calls, the number of its
/// ticks none.
#[inline(always)]
pub(crate) fn now() -> u64 {
    let last = LAST.0.get();
    // SAFETY: the helper takes nothing.
    let tick = unsafe { bpf_jiffies64() };
    // SAFETY: see `Shared`.
    unsafe {
        if addr_of!((*last).tick).read_volatile() == tick {
            return addr_of!((*last).now).read_volatile();
        }
        let now = bpf_ktime_get_coarse_ns();
        (&raw mut (*last).now).write_volatile(now);
        (&raw mut (*last).tick).write_volatile(tick);
        now
    }
}
