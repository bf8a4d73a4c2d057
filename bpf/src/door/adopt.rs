//! Connections of the host that were there before it was protected.
//!
//! Their next packet is the first one that is tracked. It says who sends, not who opened the connection,
//! and a policy must know: it speaks of the responder's port. The host's sockets know.

use crate::{
    packet::{Packet, Parsed, Seek, Socket, transport, transport::tcp_flag},
    state::State,
};

/// Returns 1 if the packet goes to the opener of its connection, of which no entry is known; else 0.
#[inline(always)]
pub(super) fn is_reply<P: Packet>(pkt: &P, st: &State) -> u32 {
    let p = &st.packet;
    let is_tcp = p.proto == transport::TCP;
    if !(is_tcp || p.proto == transport::UDP) || is_tcp && opens(p) {
        return 0;
    }
    if st.to.is_host() {
        return u32::from(is_for_client(pkt, p, is_tcp));
    }
    // Who else may be asked for something waits for others, too.
    let sends = st.from.is_host() && is_tcp;
    u32::from(sends && pkt.socket(p, Seek::ListenerOfSender) as u32 == WAITING)
}

const WAITING: u32 = Socket::Waiting as u32;
const CONNECTED: u32 = Socket::Connected as u32;

#[inline(always)]
fn opens(p: &Parsed) -> bool {
    p.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK) == tcp_flag::SYN
}

/// Tells whether the socket that gets the packet is connected, and nobody waits at its port.
#[inline(always)]
fn is_for_client<P: Packet>(pkt: &P, p: &Parsed, is_tcp: bool) -> bool {
    if is_tcp && pkt.socket(p, Seek::Listener) as u32 == WAITING {
        return false;
    }
    pkt.socket(p, Seek::Receiver) as u32 == CONNECTED
}
