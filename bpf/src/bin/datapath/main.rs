//! The eBPF programs: thin adapters from the kernel to the logic in `skep_bpf`.
#![no_std]
#![no_main]

use aya_ebpf::{
    bindings::TC_ACT_OK,
    macros::{classifier, map},
    maps::Array,
    programs::TcContext,
};
use skep_bpf::abi::Config;

#[map(name = "config_v1")]
static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

#[classifier]
pub fn from_pod(_ctx: TcContext) -> i32 {
    let _ = CONFIG.get(0);
    TC_ACT_OK
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
