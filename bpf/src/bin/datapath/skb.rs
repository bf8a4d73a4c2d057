//! The packet as the logic sees it.

use core::{
    arch::asm,
    ffi::c_void,
    mem::{MaybeUninit, offset_of},
    ptr,
};

use aya_ebpf::{
    bindings::{
        __sk_buff, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR, BPF_F_TUNINFO_IPV6, BPF_F_ZERO_CSUM_TX,
        bpf_fib_lookup as FibParams, bpf_tunnel_key as TunnelKey,
    },
    helpers::{
        bpf_csum_update, bpf_fib_lookup, bpf_l3_csum_replace, bpf_l4_csum_replace,
        bpf_skb_change_tail, bpf_skb_change_type, bpf_skb_get_tunnel_key, bpf_skb_pull_data,
        bpf_skb_set_tunnel_key, bpf_skb_store_bytes,
    },
};
use skep_bpf::{
    abi::{Addr, Family},
    env::Env,
    packet::{Covered, Packet, Parsed, Route, Seek, Socket, Tunnel, Window, ZeroSum},
    state::State,
};

use crate::{once, socket};

/// Headers begin before this offset; it keeps the verifier's idea of offsets small.
const REACH: u32 = 1023;
const PACKET_HOST: u32 = 0;
const TUNNEL_TTL: u8 = 64;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const FIB_SUCCESS: i64 = 0;
/// The destination is the host itself, or nowhere.
const FIB_NOT_FORWARDED: i64 = 4;
/// The device does not forward: what comes in goes to the host or nowhere.
const FIB_FORWARDING_OFF: i64 = 5;
const FIB_NO_NEIGHBOUR: i64 = 7;

/// A socket buffer.
pub(crate) struct Skb {
    skb: *mut __sk_buff,
}

/// Reads a field of the context.
macro_rules! field {
    ($skb:expr, $field:ident) => {
        // SAFETY: the kernel passes a valid context for the run of the program.
        unsafe { (*$skb.skb).$field }
    };
}

/// Reads one of the context's packet pointers.
///
/// The context declares them as 32 bits and the kernel loads 64; Rust would cut the upper half off
/// and with it the verifier's knowledge, hence the instruction itself.
macro_rules! pointer {
    ($skb:expr, $field:ident) => {{
        let pointer: usize;
        // SAFETY: the kernel passes a valid context for the run of the program.
        unsafe {
            asm!(
                "{pointer} = *(u32 *)({skb} + {at})",
                pointer = out(reg) pointer,
                skb = in(reg) $skb.skb,
                at = const offset_of!(__sk_buff, $field),
                options(pure, readonly, nostack)
            );
        }
        pointer
    }};
}

impl Skb {
    #[inline(always)]
    pub(crate) fn new(skb: *mut __sk_buff) -> Self {
        Self { skb }
    }

    /// Returns a pointer to `N` bytes that are directly readable.
    #[inline(always)]
    fn direct<const N: usize>(&self, at: u32) -> Option<Head<N>> {
        self.reach(at, N).map(Head)
    }

    /// Returns a pointer to `length` bytes that are directly accessible.
    #[inline(always)]
    fn reach(&self, at: u32, length: usize) -> Option<usize> {
        let mut start = pointer!(self, data);
        let end = pointer!(self, data_end);
        // SAFETY: register arithmetic only. The mask is for the verifier, which must see a bound on
        // the very register that is added; in Rust's eyes it would be superfluous and vanish. The
        // sum's origin is hidden, so that the check below is on this very register, too.
        unsafe {
            asm!(
                "{at} &= {reach}",
                "{start} += {at}",
                at = inout(reg) u64::from(at) => _,
                start = inout(reg) start,
                reach = const REACH,
                options(pure, nomem, nostack)
            );
        }
        (start + length <= end).then_some(start)
    }
}

/// Makes the first bytes of the packet directly readable, if it has as many.
///
/// Only headers, and only when they are not readable: pulling more costs copies, and old kernels
/// cannot segment some packets afterwards.
#[inline(never)]
fn pull(skb: &Skb, need: u32) -> u32 {
    if need <= skb.len() {
        // SAFETY: the context is valid; the helper moves packet bytes, no window is alive.
        unsafe { bpf_skb_pull_data(skb.skb, need) };
    }
    0
}

/// `N` bytes of the packet that the verifier has seen checked.
#[derive(Clone, Copy)]
pub(crate) struct Head<const N: usize>(usize);

/// Loads from the packet. Packet data is not aligned, which the CPU's loads do not mind but Rust's
/// do; hence the instruction itself.
macro_rules! load {
    ($class:ident, $kind:literal, $ty:ty, $head:expr, $at:expr) => {{
        let value: $ty;
        // SAFETY: `direct` checked the bytes against the end of the packet, which the verifier
        // proves once more; the packet is not changed by the load.
        unsafe {
            asm!(
                concat!("{value} = *(", $kind, " *)({start} + {at})"),
                value = out($class) value,
                start = in(reg) $head.0,
                at = const $at,
                options(pure, readonly, nostack)
            );
        }
        value
    }};
}

impl<const N: usize> Window for Head<N> {
    #[inline(always)]
    fn byte<const AT: usize>(self) -> u8 {
        let value = load!(wreg, "u8", u32, self, AT);
        value as u8
    }
    #[inline(always)]
    fn raw16<const AT: usize>(self) -> u16 {
        let value = load!(wreg, "u16", u32, self, AT);
        value as u16
    }
    #[inline(always)]
    fn raw32<const AT: usize>(self) -> u32 {
        load!(wreg, "u32", u32, self, AT)
    }
    #[inline(always)]
    fn raw64<const AT: usize>(self) -> u64 {
        load!(reg, "u64", u64, self, AT)
    }
}

impl Packet for Skb {
    type Window<const N: usize> = Head<N>;

    #[inline(always)]
    fn len(&self) -> u32 {
        field!(self, len)
    }

    #[inline(always)]
    fn window<const N: usize>(&self, at: u32) -> Option<Head<N>> {
        if at > REACH {
            return None;
        }
        if self.direct::<N>(at).is_none() {
            pull(self, at + N as u32);
        }
        self.direct(at)
    }

    #[inline(always)]
    fn peek<const N: usize>(&self) -> Option<Head<N>> {
        let (start, end) = (pointer!(self, data), pointer!(self, data_end));
        (start + N <= end).then_some(Head(start))
    }

    #[inline(always)]
    fn parse(&self, family: u32, out: &mut Parsed) -> u32 {
        once::parse(self.skb, family, out)
    }

    #[inline(always)]
    fn parse_quoted(&self, family: u32, l3: u32, out: &mut Parsed) -> u32 {
        once::parse_quoted(self.skb, family, l3, out)
    }

    #[inline(always)]
    fn rewrite_flow<E: Env>(&self, _env: &E, st: &State) -> u32 {
        once::rewrite_flow(self.skb, st)
    }

    #[inline(always)]
    fn rewrite_error<E: Env>(&self, _env: &E, st: &State) -> u32 {
        once::rewrite_error(self.skb, st)
    }

    #[inline(always)]
    fn put_words<const N: usize>(&self, at: u32, words: [u32; N]) -> bool {
        let Some(start) = self.reach(at, N * 4) else { return false };
        for (index, word) in words.into_iter().enumerate() {
            // SAFETY: `reach` checked the bytes against the end of the packet, which the verifier
            // proves once more; packet data is not aligned, hence the instruction itself.
            unsafe {
                asm!(
                    "*(u32 *)({at} + 0) = {word}",
                    at = in(reg) start + index * 4,
                    word = in(wreg) word,
                    options(nostack)
                );
            }
        }
        true
    }

    #[inline(always)]
    fn resize(&self, length: u32) -> bool {
        // SAFETY: the context is valid; the helper moves packet bytes, no window is alive.
        unsafe { bpf_skb_change_tail(self.skb, length, 0) == 0 }
    }

    #[inline(always)]
    fn fix_whole_sum(&self, diff: u32) {
        // SAFETY: the context is valid. Does nothing unless the device summed the packet up.
        unsafe { bpf_csum_update(self.skb, diff) };
    }

    #[inline(always)]
    fn store_uncovered<const N: usize>(&self, at: u32, bytes: &[u8; N]) -> bool {
        // SAFETY: the pointer is to `N` readable bytes; the kernel checks the range in the packet.
        let done = unsafe {
            bpf_skb_store_bytes(self.skb.cast(), at, bytes.as_ptr().cast::<c_void>(), N as u32, 0)
        };
        done == 0
    }

    #[inline(always)]
    fn fix_header_sum(&self, at: u32, diff: u32) -> bool {
        // SAFETY: the context is valid; the kernel checks the offset.
        unsafe { bpf_l3_csum_replace(self.skb.cast(), at, 0, diff.into(), 0) == 0 }
    }

    #[inline(always)]
    fn fix_sum(&self, at: u32, diff: u32, change: Covered, zero: ZeroSum) -> bool {
        let mut flags = if zero == ZeroSum::Absent { BPF_F_MARK_MANGLED_0 } else { 0 };
        if change != Covered::Message {
            flags |= BPF_F_PSEUDO_HDR;
        }
        // SAFETY: the context is valid; the kernel checks the offset.
        let done =
            unsafe { bpf_l4_csum_replace(self.skb.cast(), at, 0, diff.into(), flags.into()) };
        if change == Covered::PseudoV6 {
            // The helper thinks of IPv4, whose header sum absorbs the address: on packets with a
            // sum over all bytes it takes the change off, but in IPv6 the address itself put it
            // there. Kernels before 6.16 have no flag for it.
            self.fix_whole_sum(diff);
        }
        done == 0
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        field!(self, ifindex)
    }
    #[inline(always)]
    fn ingress_ifindex(&self) -> u32 {
        field!(self, ingress_ifindex)
    }
    #[inline(always)]
    fn mark(&self) -> u32 {
        field!(self, mark)
    }
    #[inline(always)]
    fn set_mark(&self, mark: u32) {
        // SAFETY: the mark is a writable field of the context.
        unsafe { (*self.skb).mark = mark }
    }

    #[inline(always)]
    fn set_to_host(&self) {
        if field!(self, pkt_type) != PACKET_HOST {
            // SAFETY: the context is valid. Fails only for types that no received packet has.
            unsafe { bpf_skb_change_type(self.skb, PACKET_HOST) };
        }
    }

    #[inline(always)]
    fn has_vlan_tag(&self) -> bool {
        field!(self, vlan_present) != 0
    }
    #[inline(always)]
    fn segment_size(&self) -> u32 {
        field!(self, gso_size)
    }

    #[inline(always)]
    fn tunnel(&self) -> Option<Tunnel> {
        let mut key = MaybeUninit::<TunnelKey>::zeroed();
        let size = size_of::<TunnelKey>() as u32;
        // SAFETY: the buffer has the size that is passed, and all its bytes are initialised.
        unsafe {
            if bpf_skb_get_tunnel_key(self.skb, key.as_mut_ptr(), size, 0) == 0 {
                let key = key.assume_init_ref();
                let remote = Addr::v4(key.__bindgen_anon_1.remote_ipv4.to_be_bytes());
                return Some(Tunnel { vni: key.tunnel_id, remote });
            }
            let v6 = BPF_F_TUNINFO_IPV6.into();
            if bpf_skb_get_tunnel_key(self.skb, key.as_mut_ptr(), size, v6) == 0 {
                let key = key.assume_init_ref();
                let [a, b, c, d] = key.__bindgen_anon_1.remote_ipv6;
                return Some(Tunnel { vni: key.tunnel_id, remote: join([a, b, c, d]) });
            }
        }
        None
    }

    #[inline(always)]
    fn set_tunnel(&self, tunnel: &Tunnel) -> bool {
        // SAFETY: all fields are integers, for which zero is a value.
        let mut key: TunnelKey = unsafe { MaybeUninit::zeroed().assume_init() };
        key.tunnel_id = tunnel.vni;
        key.tunnel_ttl = TUNNEL_TTL;
        let flags = match tunnel.remote.family() {
            Family::V4 => {
                key.__bindgen_anon_1.remote_ipv4 = u32::from_be_bytes(tunnel.remote.v4_bytes());
                BPF_F_ZERO_CSUM_TX
            }
            Family::V6 => {
                key.__bindgen_anon_1.remote_ipv6 = split(&tunnel.remote);
                BPF_F_TUNINFO_IPV6
            }
        };
        let size = size_of::<TunnelKey>() as u32;
        // SAFETY: the buffer has the size that is passed, and all its bytes are initialised.
        unsafe { bpf_skb_set_tunnel_key(self.skb, &raw mut key, size, flags.into()) == 0 }
    }

    #[inline(always)]
    fn route(&self, addr: &Addr) -> Route {
        Route::by(look_up_route(self, addr))
    }

    #[inline(always)]
    fn socket(&self, packet: &Parsed, seek: Seek) -> Socket {
        socket::look_up(self.skb, packet, seek)
    }
}

/// Returns the bits of a [`Route`]. Out of line: the kernel's parameters take much of the stack.
#[inline(never)]
fn look_up_route(skb: &Skb, addr: &Addr) -> u32 {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut params: FibParams = unsafe { MaybeUninit::zeroed().assume_init() };
    // Where the packet came in, or by which device the host itself sends it.
    let (ingress, own): (u32, u32) = (field!(skb, ingress_ifindex), field!(skb, ifindex));
    params.ifindex = if ingress == 0 { own } else { ingress };
    match addr.family() {
        Family::V4 => {
            params.family = AF_INET;
            params.__bindgen_anon_4.ipv4_dst = u32::from_ne_bytes(addr.v4_bytes());
        }
        Family::V6 => {
            params.family = AF_INET6;
            params.__bindgen_anon_4.ipv6_dst = split(addr);
        }
    }
    let size = size_of::<FibParams>() as i32;
    // SAFETY: the buffer has the size that is passed, and all its bytes are initialised.
    let found = unsafe { bpf_fib_lookup(skb.skb.cast(), ptr::from_mut(&mut params), size, 0) };
    match found {
        FIB_SUCCESS | FIB_NO_NEIGHBOUR => params.ifindex,
        FIB_NOT_FORWARDED | FIB_FORWARDING_OFF => Route::ENDS.bits(),
        _ => Route::NONE.bits(),
    }
}

/// Splits an IPv6 address into the kernel's four words.
#[inline(always)]
pub(crate) fn split(addr: &Addr) -> [u32; 4] {
    let [high, low] = addr.words();
    [high as u32, (high >> 32) as u32, low as u32, (low >> 32) as u32]
}

/// Joins the kernel's four words.
#[inline(always)]
fn join([a, b, c, d]: [u32; 4]) -> Addr {
    Addr::from_words([u64::from(b) << 32 | u64::from(a), u64::from(d) << 32 | u64::from(c)])
}
