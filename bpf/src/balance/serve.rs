//! Services packet by packet: what a pod sends to one goes to a backend, and what comes back shows the
//! service again.
//!
//! The tracked entry of the connection is the one of the pod and its backend, as policies see it, and
//! says which service the pod believes to speak with. An alias in zone `Service`, keyed by what the pod
//! sends, leads to it, so that all packets of a connection go to one backend.

use super::{Choice, choose, find, find::admits};
use crate::{
    abi::{
        Addr, CtKey, CtValue, DropReason, FrontendValue, Zone, ct_flags, ct_kind, frontend_scope,
    },
    conntrack,
    door::Context,
    env::{Entry, Env, Put},
    nat::{self, Change, Field, Translation},
    packet::{Fragment, Kind, Parsed, transport, transport::tcp_flag},
    state::State,
};

/// What [`serve`] did with a packet.
pub mod served {
    /// Nothing: it is for no service.
    pub const NO: u32 = 0;
    /// It is for a backend now.
    pub const YES: u32 = 1;
}

/// Makes a pod's packet one to a backend, if it is for a service; [`super::translate`] is due when the
/// packet was admitted. `at_node` is not 0 if the destination is the address of a node.
///
/// Returns one of [`served`] or the code of a [`DropReason`]. Out of line: it would crowd the stack of
/// its callers.
#[inline(never)]
pub fn serve<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, at_node: u32) -> u32 {
    let p = &st.packet;
    if !is_balanced(p.proto) || !matches!(p.kind, Kind::Flow) {
        return served::NO;
    }
    let kind = (p.proto, frontend_scope::INTERNAL);
    let asked = find(env, p.destination(), kind, || p.src, || at_node != 0);
    let Some(frontend) = asked else { return served::NO };
    if !admits(env, frontend, p.src) {
        return DropReason::NotInSourceRange.code().into();
    }
    if at_node != 0 && is_answer(env, cx, st) {
        return served::NO;
    }
    let p = &st.packet;
    let (addr, port) = p.destination();
    let (key, _) = CtKey::canonical(Zone::Service, (p.proto, 0), p.source(), (addr, port));
    st.alias = key;
    st.service = Translation { addr, port };
    st.frontend = st.service;
    let found = match kept(env, cx, st) {
        true => served::YES,
        false => pick(env, st, frontend),
    };
    if found != served::YES {
        return found;
    }
    nat::remember_as_it_came(env, st, cx.now);
    (st.packet.dst, st.packet.dport) = (st.backend.addr, st.backend.port);
    served::YES
}

/// Tells whether services have such a protocol.
#[inline(always)]
pub(super) fn is_balanced(proto: u8) -> bool {
    matches!(proto, transport::TCP | transport::UDP | transport::SCTP)
}

/// Tells whether a packet for a node's port is an answer: clients on nodes may have the numbers of node
/// ports, too.
#[inline(always)]
fn is_answer<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> bool {
    let p = &st.packet;
    let (key, end) = CtKey::canonical(Zone::Pod, (p.proto, 0), p.source(), p.destination());
    st.other = key;
    let source = env.blur(end.bit(), cx.bytes);
    let found = conntrack::find(env, cx.config, &st.other, source, cx.now);
    found.is_some_and(|found| found.way.bit() != 0)
}

/// Finds the backend of the connection that the packet belongs to, if there is one and it still serves.
#[inline(always)]
fn kept<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> bool {
    let Some(alias) = env.connection(&st.alias) else { return false };
    let (kind, tag) = (alias.kind(), alias.tag());
    st.other = alias.alias();
    st.backend_id = alias.backend_id();
    if kind != ct_kind::ALIAS || tag != st.alias.tag() || alias.tag() != tag {
        return false;
    }
    let Some(backend) = env.backend(st.backend_id) else { return false };
    st.backend = Translation { addr: backend.addr, port: backend.port };
    let Some(tracked) = env.connection(&st.other) else { return false };
    let is_own = tracked.kind() == ct_kind::TRACKED
        && tracked.flags() & ct_flags::SERVICE != 0
        && tracked.service() == (st.service.addr, st.service.port)
        && tracked.tag() == st.other.tag();
    if !is_own || !leads_to(&st.other, &st.backend) {
        return false;
    }
    let proto = st.packet.proto;
    let is_over = opens(&st.packet) && conntrack::is_over(&tracked, proto, cx.now, 0);
    !is_over && !conntrack::is_expired(&tracked, cx.config, proto, cx.now)
}

/// Tells whether one end of a connection is a backend: its number may have been given to another one.
#[inline(always)]
pub(super) fn leads_to(key: &CtKey, backend: &Translation) -> bool {
    (key.addr_a == backend.addr && key.port_a == backend.port)
        || (key.addr_b == backend.addr && key.port_b == backend.port)
}

/// Tells whether a packet asks for a new connection.
#[inline(always)]
pub(super) fn opens(p: &Parsed) -> bool {
    p.proto == transport::TCP && p.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK) == tcp_flag::SYN
}

/// Chooses a backend. A later fragment has to follow its first one: it chooses nobody.
#[inline(always)]
fn pick<E: Env>(env: &E, st: &mut State, frontend: &FrontendValue) -> u32 {
    if matches!(st.packet.fragment, Fragment::Later) {
        return DropReason::FirstFragmentMissing.code().into();
    }
    let client = st.packet.src;
    st.fresh = 1;
    match choose(env, frontend, client, env.random()) {
        Choice::Backend(id, backend) => {
            st.backend_id = id;
            st.backend = Translation { addr: backend.addr, port: backend.port };
            served::YES
        }
        Choice::Refuse | Choice::Drop => DropReason::NoBackend.code().into(),
    }
}

/// Gets an admitted packet of [`serve`] ready for its backend: remembers the connection, if it is new.
/// [`State::change`] is due then. Returns 0 or the code of a [`DropReason`].
#[inline(always)]
pub(super) fn settle<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    st.change = Change { field: Field::Destination, from: st.frontend, to: st.backend };
    bind(env, cx, st)
}

/// Lets packets to a service lead to the tracked connection of [`State::key`], if it is new. Returns 0 or
/// the code of a [`DropReason`].
#[inline(never)]
pub(super) fn bind<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    if st.fresh == 0 {
        return 0;
    }
    st.value = CtValue {
        tag: st.alias.tag(),
        created: cx.now,
        last_seen: cx.now,
        alias: st.key,
        backend_id: st.backend_id,
        kind: ct_kind::ALIAS,
        ..CtValue::default()
    };
    match conntrack::put(env, &st.alias, &st.value, Put::Any) {
        Ok(()) => 0,
        Err(_) => DropReason::CtInsertFailed.code().into(),
    }
}

/// Gets an answer or a complaint ready for a pod that believes to speak with [`State::service`].
/// [`State::change`] is due then.
#[inline(always)]
pub(super) fn show(st: &mut State) {
    let (addr, port) = match st.packet.kind {
        Kind::Error => st.quoted.destination(),
        _ => st.packet.source(),
    };
    let from = Translation { addr, port };
    st.change = Change { field: Field::Source, from, to: st.service };
}

/// Returns what the tracked entry says of the service; the absent one if there is none.
#[inline(always)]
pub(crate) fn service_of<E: Entry>(entry: &E) -> Translation {
    if entry.flags() & ct_flags::SERVICE == 0 {
        return Translation { addr: Addr::ZERO, port: 0 };
    }
    let (addr, port) = entry.service();
    Translation { addr, port }
}
