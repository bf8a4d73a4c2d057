//! A packet in memory, with the kernel's semantics for stores and checksums.

use std::cell::{Cell, RefCell};

use skep_bpf::{
    abi::Addr,
    packet::{Covered, Packet, Parsed, Route, Seek, Socket, Tunnel, Window, ZeroSum},
};

/// Bytes, and what the kernel would know of them.
#[derive(Default)]
pub(crate) struct Bytes {
    pub(crate) bytes: RefCell<Vec<u8>>,
    pub(crate) mark: Cell<u32>,
    pub(crate) ingress_ifindex: u32,
    pub(crate) to_host: Cell<bool>,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) sent_tunnel: Cell<Option<Tunnel>>,
    pub(crate) segment_size: u32,
    pub(crate) route: Option<Route>,
    pub(crate) sockets: Vec<OwnSocket>,
}

/// A socket of the host: its protocol, its end, and the other end if it is connected.
pub(crate) type OwnSocket = (u8, (Addr, u16), Option<(Addr, u16)>);

#[derive(Clone, Copy)]
pub(crate) struct View<const N: usize>([u8; N]);

impl<const N: usize> View<N> {
    fn take<const AT: usize, const M: usize>(self) -> [u8; M] {
        self.0[AT..AT + M].try_into().expect("the view has the bytes")
    }
}

impl<const N: usize> Window for View<N> {
    fn byte<const AT: usize>(self) -> u8 {
        self.0[AT]
    }
    fn raw16<const AT: usize>(self) -> u16 {
        u16::from_ne_bytes(self.take::<AT, 2>())
    }
    fn raw32<const AT: usize>(self) -> u32 {
        u32::from_ne_bytes(self.take::<AT, 4>())
    }
    fn raw64<const AT: usize>(self) -> u64 {
        u64::from_ne_bytes(self.take::<AT, 8>())
    }
}

impl Bytes {
    fn change<const N: usize>(&self, at: u32, act: impl FnOnce([u8; N]) -> [u8; N]) -> bool {
        let mut bytes = self.bytes.borrow_mut();
        let at = at as usize;
        let Some(slot) = bytes.get_mut(at..at + N) else { return false };
        let old: [u8; N] = (&*slot).try_into().expect("the slot has the bytes");
        slot.copy_from_slice(&act(old));
        true
    }
}

/// The kernel's `csum_replace_by_diff`, in memory order.
fn corrected(sum: u16, diff: u32) -> u16 {
    let mut total = u64::from(!sum) + u64::from(diff);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

impl Packet for Bytes {
    type Window<const N: usize> = View<N>;

    fn len(&self) -> u32 {
        self.bytes.borrow().len() as u32
    }
    fn window<const N: usize>(&self, at: u32) -> Option<View<N>> {
        if at > 1023 {
            return None;
        }
        let bytes = self.bytes.borrow();
        let view = bytes.get(at as usize..at as usize + N)?;
        Some(View(view.try_into().expect("the slice has N bytes")))
    }
    fn peek<const N: usize>(&self) -> Option<View<N>> {
        self.window(0)
    }
    fn put_words<const N: usize>(&self, at: u32, words: [u32; N]) -> bool {
        let (at, mut all) = (at as usize, self.bytes.borrow_mut());
        let Some(place) = all.get_mut(at..at + N * 4) else { return false };
        for (to, word) in place.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        true
    }
    fn resize(&self, length: u32) -> bool {
        self.bytes.borrow_mut().resize(length as usize, 0);
        true
    }
    fn fix_whole_sum(&self, _diff: u32) {}
    fn store_uncovered<const N: usize>(&self, at: u32, bytes: &[u8; N]) -> bool {
        self.change(at, |_| *bytes)
    }
    fn fix_header_sum(&self, at: u32, diff: u32) -> bool {
        self.change(at, |old| corrected(u16::from_ne_bytes(old), diff).to_ne_bytes())
    }
    fn fix_sum(&self, at: u32, diff: u32, _change: Covered, zero: ZeroSum) -> bool {
        self.change(at, |old| {
            let sum = u16::from_ne_bytes(old);
            if zero == ZeroSum::Absent && sum == 0 {
                return old;
            }
            let fixed = corrected(sum, diff);
            let fixed = if zero == ZeroSum::Absent && fixed == 0 { 0xffff } else { fixed };
            fixed.to_ne_bytes()
        })
    }
    fn ifindex(&self) -> u32 {
        1
    }
    fn ingress_ifindex(&self) -> u32 {
        self.ingress_ifindex
    }
    fn mark(&self) -> u32 {
        self.mark.get()
    }
    fn set_mark(&self, mark: u32) {
        self.mark.set(mark);
    }
    fn set_to_host(&self) {
        self.to_host.set(true);
    }
    fn has_vlan_tag(&self) -> bool {
        false
    }
    fn segment_size(&self) -> u32 {
        self.segment_size
    }
    fn tunnel(&self) -> Option<Tunnel> {
        self.tunnel
    }
    fn set_tunnel(&self, tunnel: &Tunnel) -> bool {
        self.sent_tunnel.set(Some(*tunnel));
        true
    }
    fn route(&self, _addr: &Addr) -> Route {
        self.route.unwrap_or(Route::NONE)
    }
    fn socket(&self, packet: &Parsed, seek: Seek) -> Socket {
        let (local, remote) = match seek {
            Seek::Receiver => (packet.destination(), Some(packet.source())),
            Seek::Listener => (packet.destination(), None),
            Seek::ListenerOfSender => (packet.source(), None),
        };
        if remote.is_some() && self.sockets.contains(&(packet.proto, local, remote)) {
            Socket::Connected
        } else if self.sockets.contains(&(packet.proto, local, None)) {
            Socket::Waiting
        } else {
            Socket::None
        }
    }
}
