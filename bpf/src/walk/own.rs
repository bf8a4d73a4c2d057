//! What the host itself sends: to services, and from backends of its own.

use super::{
    icmp,
    relay::{self, way},
};
use crate::{
    abi::{
        Addr, CtKey, Direction, DropReason, Observation, Zone, ct_flags, frontend_scope,
        mark as kinds,
    },
    balance::{self, deed, entered, hairpin},
    conntrack,
    door::{self, Action, Context},
    env::{Entry, Env},
    forward::{self, Entrance},
    fragment, link, mark,
    nat::{self, behind},
    packet::{Fragment, Kind, Packet, transport},
    report::{self, Place, Refusal},
    state::State,
};

const PLACE: Place = Place { direction: Direction::Egress, observation: Observation::ToNetwork };

/// Policies are asked about the packet.
pub(super) const ASKED: u32 = 100;
/// They are not: the proof is in [`State::receipt`].
pub(super) const UNASKED: u32 = 101;
/// The packet is for a service that nobody serves.
pub(super) const REFUSED: u32 = 102;

/// Finds out what becomes of a packet that the host sends: one of [`way`] if it is for a service,
/// [`ASKED`], [`UNASKED`], [`REFUSED`], or the code of a [`DropReason`]. Out of line: the verifier then
/// forgets what it took.
#[inline(never)]
pub(super) fn aim<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    let way = service(env, pkt, cx, st);
    if way != NO_SERVICE {
        return way;
    }
    if !door::excuse(st) {
        return ASKED;
    }
    report::forwarded(env, pkt, PLACE.direction);
    UNASKED
}

/// The packet is for no service.
const NO_SERVICE: u32 = 103;

/// The packet answers the host, which is a backend of the service that it uses.
const ANSWER: u32 = 104;

/// Finds the backend of a packet, and the way to it.
///
/// Sockets of TCP are connected to backends; everything else is looked at packet by packet. If the backend
/// is the host itself, the packet comes back to it from the hairpin address: from its own address the kernel
/// would not take it, and the answer would pass by no program.
#[inline(always)]
fn service<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    let is_made_here = pkt.ingress_ifindex() == 0;
    let is_flow = matches!(st.packet.kind, Kind::Flow);
    if !is_made_here || !is_flow || st.packet.proto == transport::TCP {
        return NO_SERVICE;
    }
    if fragment::resolve(env, st).is_err() {
        return NO_SERVICE;
    }
    if st.packet.dst == *hairpin::address(cx.config, &st.packet) {
        let found = nat::untranslate(env, cx, st, 1);
        return if found == behind::CLIENT { ANSWER } else { NO_SERVICE };
    }
    match balance::enter(env, cx, st, frontend_scope::INTERNAL.into()) {
        entered::NO => return NO_SERVICE,
        entered::YES => {}
        entered::REFUSED => return REFUSED,
        refusal => return refusal,
    }
    balance::aim_at_backend(env, st, cx.now);
    way(env, pkt, cx, st)
}

/// Sends a packet to its backend, by what [`aim`] found: it sees the address by which this node is known there,
/// whichever the host has taken for the way to the service, and the programs on the way there judge.
#[inline(always)]
pub(super) fn serve<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    way: u32,
) -> Result<Action, Refusal> {
    match way {
        REFUSED => {
            report::refused(env, pkt, st, DropReason::NoBackend, PLACE);
            let ifindex = pkt.ifindex();
            let told = balance::reject(pkt, st, 0) == 0;
            pkt.set_mark(mark::of_kind(cx.config, kinds::RETURNED));
            return Ok(if told { Action::answer_host(ifindex) } else { Action::drop() });
        }
        way::HOST | ANSWER => return turn(env, pkt, cx, st, way),
        way::POD | way::OVERLAY | way::ROUTE => {}
        way::TOO_BIG => return Err(DropReason::FragmentNotSupported.into()),
        refusal => return Err(refusal.into()),
    }
    if way == way::POD || st.packet.src == st.own {
        st.own = Addr::ZERO;
    }
    // Not every address of the host is known to be one when the answer comes.
    st.here = ct_flags::HOST.into();
    let refusal = relay::translate(env, pkt, cx, st, deed::PASS_ON);
    if refusal != 0 {
        return Err(refusal.into());
    }
    (st.packet.src, st.packet.sport) = (st.stand_in.addr, st.stand_in.port);
    report::balanced(env, pkt, st);
    let proof = st.receipt.transit()?;
    pkt.set_mark(0);
    if way == way::ROUTE {
        return Ok(Action::relay_to_neighbour(st.out, &proof));
    }
    if way == way::POD {
        let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
        st.entrance = Entrance::from(pod);
        st.out = pod.ifindex;
        forward::address(pkt, &st.entrance)?;
    }
    Ok(Action::relay_to_device(st.out, &proof))
}

/// Lets the host have what it sent to itself by a service, or the answer to that.
#[inline(always)]
fn turn<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    way: u32,
) -> Result<Action, Refusal> {
    st.own = *hairpin::address(cx.config, &st.packet);
    let deed = if way == ANSWER { deed::PASS_BACK } else { deed::PASS_ON };
    let ifindex = pkt.ifindex();
    let refusal = relay::translate(env, pkt, cx, st, deed);
    if refusal != 0 {
        return Err(refusal.into());
    }
    if !link::turn(pkt, st) {
        return Err(DropReason::WriteError.into());
    }
    pkt.set_mark(mark::of_kind(cx.config, kinds::RETURNED));
    let proof = st.receipt.transit()?;
    Ok(Action::relay_to_host(ifindex, &proof))
}

/// Lets what the host sends come from the service for which it answers or complains, if it does. Returns 0
/// or the code of a [`DropReason`]. Out of line: the verifier then forgets what it took.
#[inline(never)]
pub(super) fn disguise<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> u32 {
    let is_error = matches!(st.packet.kind, Kind::Error);
    if is_error && icmp::read_if_error(pkt, st).is_err() {
        return 0;
    }
    if st.host.backends != 0 && nat::untranslate(env, cx, st, 1) == behind::CLIENT {
        return env.blur(relay::reveal(env, pkt, cx, st), cx.bytes);
    }
    if is_error && is_about_backend(env, cx, st) {
        return env.blur(balance::reveal(env, pkt, st), cx.bytes);
    }
    0
}

/// Tells whether an error is about a packet from outside on its way to a backend that is a pod of this node;
/// [`State::service`] is then what it was sent to.
#[inline(always)]
fn is_about_backend<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> bool {
    let q = &st.quoted;
    if matches!(q.fragment, Fragment::Later) || env.endpoint(&q.dst).is_none() {
        return false;
    }
    let protocol = (q.proto, q.type_class);
    let (key, end) = CtKey::canonical(Zone::Pod, protocol, q.source(), q.destination());
    st.key = key;
    let source = env.blur(end.bit(), cx.bytes);
    let Some(found) = conntrack::find(env, cx.config, &st.key, source, cx.now) else {
        return false;
    };
    st.service = balance::service_of(&found.entry);
    found.way.bit() == 0 && found.entry.tag() == st.key.tag() && !st.service.addr.is_zero()
}
