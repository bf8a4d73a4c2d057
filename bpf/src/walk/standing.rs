//! The short way of most packets between two pods of a node.

use crate::{
    abi::{ABI_VERSION, CtKey, Direction, Family, Zone},
    conntrack,
    door::{self, Action, Local, Passage},
    env::{Entry, Env, Near},
    forward::{self, Entrance},
    packet::{self, Packet, Plain},
    report, source,
};

/// Sends a plain packet on to another pod of this node, if all that there is to ask about it was answered
/// when its connection began, and there is nothing to tell.
///
/// `None` leaves the packet as it is, and decides nothing: the long way does, which would have done the
/// same with those that are sent on here. This one needs no state and but one search.
#[inline(always)]
pub(super) fn pod_to_pod<E: Env, P: Packet>(env: &E, pkt: &P) -> Option<Action> {
    // Before anything that it covers.
    let revision = env.revision();
    let dst = packet::destination(pkt)?;
    let to = Glimpse::of(env.near(dst.near_slot())?)?;
    if to.pod.addr() != dst {
        return None;
    }
    let passage = match dst.family() {
        Family::V4 => pass_v4(env, pkt, revision, to.pod),
        Family::V6 => pass_v6(env, pkt, revision, to.pod),
    };
    passage.action()
}

/// Out of line: the long way needs the stack for itself.
#[inline(never)]
fn pass_v4<E: Env, P: Packet>(env: &E, pkt: &P, revision: u32, to: E::Near) -> Passage {
    pass(env, pkt, revision, Plain::v4(pkt), to).unwrap_or(Passage::NONE)
}

/// The same once more, as addresses differ in how much of them says something.
#[inline(never)]
fn pass_v6<E: Env, P: Packet>(env: &E, pkt: &P, revision: u32, to: E::Near) -> Passage {
    pass(env, pkt, revision, Plain::v6(pkt), to).unwrap_or(Passage::NONE)
}

/// A slot in which there was a pod. What is read of it counts if it still has the same one afterwards.
struct Glimpse<N> {
    pod: N,
    incarnation: u32,
}

impl<N: Near> Glimpse<N> {
    #[inline(always)]
    fn of(pod: N) -> Option<Self> {
        let incarnation = pod.incarnation();
        if incarnation == 0 { None } else { Some(Self { pod, incarnation }) }
    }

    #[inline(always)]
    fn is_same(&self) -> bool {
        self.pod.incarnation() == self.incarnation
    }
}

#[inline(always)]
fn pass<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    revision: u32,
    packet: Option<Plain>,
    to: E::Near,
) -> Option<Passage> {
    let p = packet?;
    let to = Glimpse::of(to)?;
    if to.pod.addr() != p.dst {
        return None;
    }
    let config = env.config().filter(|config| config.abi_version == ABI_VERSION)?;
    let from = Glimpse::of(env.near(p.src.near_slot())?)?;
    if !source::is_plainly_from(&p, &from.pod, pkt.ifindex())
        || forward::exceeds(pkt, config, p.length, p.headers)
    {
        return None;
    }
    let (sender, receiver) = (Local::near(&from.pod), Local::near(&to.pod));
    let entrance = Entrance::near(&to.pod);
    let (key, end) = CtKey::canonical(Zone::Pod, (p.proto, 0), (p.src, p.sport), (p.dst, p.dport));
    let now = env.tick();
    let found = conntrack::find_busy(env, &key, end.bit(), now)?;
    let (source, destination) = door::standing(&found, &key, revision, &sender, &receiver)?;
    if !(from.is_same() && to.is_same()) || conntrack::news(&found, config, p.tcp_flags, now).any()
    {
        return None;
    }
    forward::prepare(pkt, p.hops, &entrance).ok()?;
    found.entry.touch(found.way.sender(), now, pkt.len(), p.tcp_flags);
    report::forwarded(env, pkt, Direction::Ingress);
    Some(Passage::pod_to_pod(entrance.ifindex, &source, &destination))
}
