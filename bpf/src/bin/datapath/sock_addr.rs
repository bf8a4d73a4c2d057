//! The socket of a system call.

use core::ptr::{addr_of, addr_of_mut};

use aya_ebpf::{EbpfContext as _, helpers::bpf_get_netns_cookie, programs::SockAddrContext};
use skep_bpf::{
    abi::{Addr, Family, SocketValue},
    balance::Socket,
};

use crate::maps;

/// A socket and the address that the call is about.
pub(crate) struct SockAddr {
    ctx: SockAddrContext,
    family: Family,
}

impl SockAddr {
    #[inline(always)]
    pub(crate) fn v4(ctx: SockAddrContext) -> Self {
        Self { ctx, family: Family::V4 }
    }

    #[inline(always)]
    pub(crate) fn v6(ctx: SockAddrContext) -> Self {
        Self { ctx, family: Family::V6 }
    }
}

/// Reads one field of the context, in one access of its size.
macro_rules! read {
    ($socket:expr, $($field:tt)+) => {
        // SAFETY: the context is valid for the run of the program, and its fields are integers.
        unsafe { addr_of!((*$socket.ctx.sock_addr).$($field)+).read_volatile() }
    };
}

/// Writes one field of the context, in one access of its size.
macro_rules! write {
    ($socket:expr, $value:expr, $($field:tt)+) => {
        // SAFETY: as for `read`; the verifier knows which fields a program may write.
        unsafe { addr_of_mut!((*$socket.ctx.sock_addr).$($field)+).write_volatile($value) }
    };
}

impl Socket for SockAddr {
    #[inline(always)]
    fn protocol(&self) -> u32 {
        read!(self, protocol)
    }

    #[inline(always)]
    fn destination(&self) -> (Addr, u16) {
        let addr = match self.family {
            Family::V4 => Addr::v4(read!(self, user_ip4).to_ne_bytes()),
            Family::V6 => {
                let (a, b) = (read!(self, user_ip6[0]), read!(self, user_ip6[1]));
                let (c, d) = (read!(self, user_ip6[2]), read!(self, user_ip6[3]));
                Addr::from_words([pair(a, b), pair(c, d)])
            }
        };
        (addr, u16::from_be(read!(self, user_port) as u16))
    }

    #[inline(always)]
    fn set_destination(&self, addr: &Addr, port: u16) {
        match self.family {
            Family::V4 => write!(self, u32::from_ne_bytes(addr.v4_bytes()), user_ip4),
            Family::V6 => {
                let [high, low] = addr.words();
                write!(self, high as u32, user_ip6[0]);
                write!(self, (high >> 32) as u32, user_ip6[1]);
                write!(self, low as u32, user_ip6[2]);
                write!(self, (low >> 32) as u32, user_ip6[3]);
            }
        }
        write!(self, u32::from(port.to_be()), user_port);
    }

    #[inline(always)]
    fn netns(&self) -> u64 {
        // SAFETY: the helper only reads the context.
        unsafe { bpf_get_netns_cookie(self.ctx.as_ptr()) }
    }

    #[inline(always)]
    fn remembered(&self) -> Option<SocketValue> {
        // SAFETY: the socket of the context is alive during the call, and so is its storage.
        unsafe { maps::SOCKET.get_ptr_mut(&self.ctx).as_ref() }.copied()
    }

    #[inline(always)]
    fn remember(&self, value: &SocketValue) {
        // SAFETY: as for `remembered`. The socket is locked: one thread at a time connects it or sends.
        let place = unsafe { maps::SOCKET.get_or_insert_ptr_mut(&self.ctx, None).as_mut() };
        if let Some(place) = place {
            *place = *value;
        }
    }
}

/// Joins two words as they lie in memory; the bpf target is little-endian.
#[inline(always)]
fn pair(first: u32, second: u32) -> u64 {
    u64::from(second) << 32 | u64::from(first)
}
