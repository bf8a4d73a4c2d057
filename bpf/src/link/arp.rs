//! ARP (RFC 826): the gateway answers for itself.

use crate::{
    abi::{Addr, DropReason},
    packet::{ETHERNET, Mac, Packet, Window},
    state::State,
};

/// Bytes of an ARP packet for Ethernet and IPv4.
const LENGTH: usize = 28;
/// Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4.
const ETHERNET_IPV4: u64 = 0x0001_0800_0604;
const REQUEST: u16 = 1;

/// Turns a request for an address that `owns` accepts into the answer that it has `mac`.
///
/// Returns false when it is anything else: claims, requests for others.
#[inline(always)]
pub fn answer<P: Packet>(
    pkt: &P,
    st: &State,
    mac: Mac,
    owns: impl FnOnce(&Addr) -> bool,
) -> Result<bool, DropReason> {
    let w = pkt.window::<LENGTH>(ETHERNET).ok_or(DropReason::InvalidPacket)?;
    let format = u64::from(w.be32::<0>()) << 16 | u64::from(w.be16::<4>());
    let (operation, sender, asked) = (w.be16::<6>(), w.v4::<14>(), w.v4::<24>());
    let sender_mac = w.mac::<8, 12>();
    if format != ETHERNET_IPV4 || operation != REQUEST || sender_mac != st.src_mac || !owns(&asked)
    {
        return Ok(false);
    }
    let (m, s) = (mac.bytes(), sender_mac.bytes());
    let (a, f) = (asked.v4_bytes(), sender.v4_bytes());
    #[rustfmt::skip]
    let reply = [
        0, 2, m[0], m[1], m[2], m[3], m[4], m[5], a[0], a[1], a[2], a[3],
        s[0], s[1], s[2], s[3], s[4], s[5], f[0], f[1], f[2], f[3],
    ];
    let macs = [s[0], s[1], s[2], s[3], s[4], s[5], m[0], m[1], m[2], m[3], m[4], m[5]];
    if !pkt.store_uncovered(ETHERNET + 6, &reply) || !pkt.store_uncovered(0, &macs) {
        return Err(DropReason::WriteError);
    }
    pkt.set_mark(0);
    pkt.set_to_host();
    Ok(true)
}
