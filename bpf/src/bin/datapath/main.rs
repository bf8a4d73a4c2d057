//! The eBPF programs: thin adapters from the kernel to the logic in `skep_bpf`.
//!
//! One program per hook, the same for all devices. Nothing is decided here: a program binds the
//! packet and the maps to the traits and translates the outcome into a return code.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod entry;
mod env;
mod maps;
mod near;
mod once;
mod services;
mod skb;
mod sock_addr;
mod socket;
mod tick;

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_INGRESS, TC_ACT_OK, TC_ACT_SHOT},
    helpers::{bpf_redirect, bpf_redirect_neigh, bpf_redirect_peer, bpf_set_retval},
    macros::{cgroup_sock_addr, classifier},
    programs::{SockAddrContext, TcContext},
};
use skep_bpf::{
    balance::{self, Answer},
    door::{Action, Outcome},
    walk,
};

use crate::{env::Kernel, skb::Skb, sock_addr::SockAddr};

/// Its scratch slot is the first.
#[classifier]
pub fn from_pod(ctx: TcContext) -> i32 {
    conclude(&walk::from_pod(&Kernel, &Skb::new(ctx.skb.skb), || maps::scratch(0)))
}

/// Defines the program of one hook with its scratch slot.
macro_rules! programs {
    ($($name:ident = $slot:literal;)*) => {
        $(
            #[classifier]
            pub fn $name(ctx: TcContext) -> i32 {
                let Some(state) = maps::scratch($slot) else { return TC_ACT_SHOT };
                conclude(&walk::$name(&Kernel, &Skb::new(ctx.skb.skb), state))
            }
        )*
    };
}

programs! {
    to_pod = 1;
    from_netdev = 2;
    to_netdev = 3;
    from_overlay = 4;
    to_overlay = 5;
}

/// Translates an outcome into the return code of a tc program.
#[inline(always)]
fn conclude(action: &Action) -> i32 {
    // SAFETY: redirect helpers only note the device for the kernel; any ifindex is valid.
    let code = unsafe {
        match action.outcome() {
            Outcome::Drop => return TC_ACT_SHOT,
            Outcome::Accept => return TC_ACT_OK,
            Outcome::Peer(ifindex) => bpf_redirect_peer(ifindex, 0),
            Outcome::Device(ifindex) => bpf_redirect(ifindex, 0),
            Outcome::Neighbour(ifindex) => bpf_redirect_neigh(ifindex, ptr::null_mut(), 0, 0),
            Outcome::Back(ifindex) => bpf_redirect(ifindex, BPF_F_INGRESS.into()),
        }
    };
    code as i32
}

/// Defines the programs of connect(2), getpeername(2), sendmsg(2) and recvmsg(2) for sockets of one family.
macro_rules! socket_programs {
    ($($connect:ident, $peer:ident, $send:ident, $receive:ident: $family:ident;)*) => {
        $(
            #[cgroup_sock_addr($connect)]
            pub fn $connect(ctx: SockAddrContext) -> i32 {
                answer(balance::connect(&Kernel, &SockAddr::$family(ctx)))
            }

            #[cgroup_sock_addr($peer)]
            pub fn $peer(ctx: SockAddrContext) -> i32 {
                balance::peer(&SockAddr::$family(ctx));
                ALLOW
            }

            #[cgroup_sock_addr($send)]
            pub fn $send(ctx: SockAddrContext) -> i32 {
                balance::send(&Kernel, &SockAddr::$family(ctx));
                ALLOW
            }

            #[cgroup_sock_addr($receive)]
            pub fn $receive(ctx: SockAddrContext) -> i32 {
                balance::received(&SockAddr::$family(ctx));
                ALLOW
            }
        )*
    };
}

socket_programs! {
    connect4, getpeername4, sendmsg4, recvmsg4: v4;
    connect6, getpeername6, sendmsg6, recvmsg6: v6;
}

const ALLOW: i32 = 1;
const DENY: i32 = 0;
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;

/// Translates an answer into the return code of a program of a control group.
#[inline(always)]
fn answer(answer: Answer) -> i32 {
    let error = match answer {
        Answer::Go => return ALLOW,
        Answer::Refused => ECONNREFUSED,
        Answer::Unreachable => EHOSTUNREACH,
    };
    // SAFETY: any error number is valid; without it the call would fail with EPERM.
    unsafe { bpf_set_retval(-error) };
    DENY
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
