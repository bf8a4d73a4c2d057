//! Looking up the host's sockets.

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock, bpf_sock_tuple as Tuple},
    helpers::{bpf_sk_lookup_tcp, bpf_sk_lookup_udp, bpf_sk_release},
};
use skep_bpf::{
    abi::Family,
    packet::{Parsed, Seek, Socket, transport},
};

use crate::once;

/// The network namespace of the device.
const OWN_NAMESPACE: u64 = u64::MAX;
/// State of a socket that accepts connections (`enum` in include/net/tcp_states.h).
const TCP_LISTEN: u32 = 10;
const SIZE_V4: u32 = 12;
const SIZE_V6: u32 = 36;

/// Looks for a socket that a packet concerns.
#[inline(always)]
pub(crate) fn look_up(skb: *mut __sk_buff, packet: &Parsed, seek: Seek) -> Socket {
    match once::find_socket(skb, packet, seek as u32) {
        1 => Socket::Waiting,
        2 => Socket::Connected,
        _ => Socket::None,
    }
}

/// Returns a [`Socket`] as a number.
#[inline(always)]
pub(crate) fn find(skb: *mut __sk_buff, p: &Parsed, seek: u32) -> u32 {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut tuple: Tuple = unsafe { MaybeUninit::zeroed().assume_init() };
    // The tuple is that of a packet that comes in. No port fits a connected socket but the right one.
    let (local, remote, dport, sport) = if seek == Seek::ListenerOfSender as u32 {
        (&p.src, &p.dst, p.sport, 0)
    } else {
        (&p.dst, &p.src, p.dport, if seek == Seek::Listener as u32 { 0 } else { p.sport })
    };
    let size = match local.family() {
        Family::V4 => {
            // SAFETY: a union of integers, of which this part was zeroed.
            let v4 = unsafe { &mut tuple.__bindgen_anon_1.ipv4 };
            v4.saddr = u32::from_ne_bytes(remote.v4_bytes());
            v4.daddr = u32::from_ne_bytes(local.v4_bytes());
            (v4.sport, v4.dport) = (sport.to_be(), dport.to_be());
            SIZE_V4
        }
        Family::V6 => {
            // SAFETY: as above.
            let v6 = unsafe { &mut tuple.__bindgen_anon_1.ipv6 };
            (v6.saddr, v6.daddr) = (super::skb::split(remote), super::skb::split(local));
            (v6.sport, v6.dport) = (sport.to_be(), dport.to_be());
            SIZE_V6
        }
    };
    let tuple = ptr::from_mut(&mut tuple);
    let is_tcp = p.proto == transport::TCP;
    // SAFETY: the context is valid and the tuple has the size that is passed.
    let socket = unsafe {
        if is_tcp {
            bpf_sk_lookup_tcp(skb.cast(), tuple, size, OWN_NAMESPACE, 0)
        } else {
            bpf_sk_lookup_udp(skb.cast(), tuple, size, OWN_NAMESPACE, 0)
        }
    };
    if socket.is_null() {
        return Socket::None as u32;
    }
    let waits = waits(socket, is_tcp);
    // SAFETY: the reference that the look-up took, and that nothing uses any more.
    unsafe { bpf_sk_release(socket.cast()) };
    if waits { Socket::Waiting as u32 } else { Socket::Connected as u32 }
}

#[inline(always)]
fn waits(socket: *const bpf_sock, is_tcp: bool) -> bool {
    // SAFETY: not null, and referenced until it is released.
    let (state, port) = unsafe { ((*socket).state, (*socket).dst_port) };
    if is_tcp { state == TCP_LISTEN } else { port == 0 }
}
