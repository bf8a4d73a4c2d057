//! Parts of the logic that the verifier looks at once for each program, and not once for each way to them.
//!
//! They are global functions to it (`BTF_FUNC_GLOBAL`, kernel/bpf/verifier.c): it assumes nothing of their
//! arguments but their types, nor of what they return, and wants every pointer checked.

use aya_ebpf::bindings::__sk_buff;
use skep_bpf::{
    abi::DropReason,
    door, nat,
    packet::{Parsed, ip},
    state::State,
};

use crate::{env::Kernel, skb::Skb, socket};

/// [`door::judge`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn judge(st: *mut State) -> u32 {
    lent(st, |st| door::judge(&Kernel, st))
}

/// [`ip::complete`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn parse(skb: *mut __sk_buff, family: u32, out: *mut Parsed) -> u32 {
    lent(out, |out| ip::complete(&Skb::new(skb), family, out))
}

/// [`ip::quoted`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn parse_quoted(skb: *mut __sk_buff, family: u32, l3: u32, out: *mut Parsed) -> u32 {
    lent(out, |out| ip::quoted(&Skb::new(skb), family, l3, out))
}

/// [`nat::rewrite_flow`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rewrite_flow(skb: *mut __sk_buff, st: *const State) -> u32 {
    shown(st, |st| nat::rewrite_flow(&Kernel, &Skb::new(skb), st))
}

/// [`nat::rewrite_error`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rewrite_error(skb: *mut __sk_buff, st: *const State) -> u32 {
    shown(st, |st| nat::rewrite_error(&Kernel, &Skb::new(skb), st))
}

/// [`socket::find`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn find_socket(skb: *mut __sk_buff, packet: *const Parsed, seek: u32) -> u32 {
    shown(packet, |packet| socket::find(skb, packet, seek))
}

/// For a pointer to nothing, which no caller passes.
const NOTHING: u32 = DropReason::NoConfiguration.code() as u32;

#[inline(always)]
fn lent<T>(value: *mut T, part: impl FnOnce(&mut T) -> u32) -> u32 {
    // SAFETY: callers lend a whole and valid value, which nobody else uses meanwhile.
    unsafe { value.as_mut() }.map_or(NOTHING, part)
}

#[inline(always)]
fn shown<T>(value: *const T, part: impl FnOnce(&T) -> u32) -> u32 {
    // SAFETY: callers show a whole and valid value, which nobody changes meanwhile.
    unsafe { value.as_ref() }.map_or(NOTHING, part)
}
