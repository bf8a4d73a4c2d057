//! From what the other end sees back to who opened the connection.

use super::{
    claim::Translation,
    rewrite::{Change, Field},
};
use crate::{
    abi::{Addr, Config, CtKey, Zone, ct_flags, ct_kind},
    conntrack,
    door::Context,
    env::{Entry, Env},
    fragment,
    packet::{Fragment, Kind, Parsed, transport},
    state::State,
};

/// What [`untranslate`] found behind a destination.
pub mod behind {
    /// Nobody: the destination is who it seems to be.
    pub const NOBODY: u32 = 0;
    /// A pod whose own address the outside must not see.
    pub const POD: u32 = 1;
    /// A client of a service.
    pub const CLIENT: u32 = 2;
}

/// Finds out who is behind the destination of a packet, or behind the source of what it quotes, if that
/// is an end which [`super::claim_end`] or [`super::translate_flow`] claimed; ports that nodes never claim
/// are passed over, unless `any_port` is not 0. Returns one of [`behind`].
///
/// [`State::change`] is due then. For a pod, the packet in the state is already what the pod shall see;
/// for a client it is as it came, [`State::opener`] is the client and [`State::frontend`] whom it must see,
/// [`State::turn`] is due too if [`State::turns`] is set, and [`State::here`] tells whether the client is this node.
/// Out of line: it would crowd the stack of its
/// callers.
#[inline(never)]
pub fn untranslate<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, any_port: u32) -> u32 {
    let is_error = matches!(st.packet.kind, Kind::Error);
    if is_error && (st.quoted.src != st.packet.dst || is_later(&st.quoted)) {
        return behind::NOBODY;
    }
    // An error quotes what had been sent from here.
    let (p, (node, other)) = if is_error {
        (&st.quoted, (st.quoted.source(), st.quoted.destination()))
    } else {
        (&st.packet, (st.packet.destination(), st.packet.source()))
    };
    let protocol = (p.proto, p.type_class);
    if any_port == 0 && !may_be_claimed(cx.config, p, node.1) {
        return behind::NOBODY;
    }
    let found = find(env, st, protocol, node, other);
    match found {
        behind::POD => show_pod(env, cx, st, node, is_error),
        behind::CLIENT => show_client(env, cx, st, node, other),
        _ => {}
    }
    env.blur(found, cx.bytes)
}

/// Tells whether an end of this node can have been claimed, by its port.
#[inline(always)]
fn may_be_claimed(config: &Config, p: &Parsed, port: u16) -> bool {
    let port = u32::from(port);
    match p.proto {
        // SCTP keeps its ports, and so do nodes that use services of UDP.
        transport::SCTP | transport::UDP => true,
        _ => port >= config.snat_port_min && port <= config.snat_port_max,
    }
}

/// Finds the connection in which `other` sees `node`: its key is in the state, and who opened it.
#[inline(always)]
fn find<E: Env>(
    env: &E,
    st: &mut State,
    (proto, type_class): (u8, u8),
    node: (Addr, u16),
    other: (Addr, u16),
) -> u32 {
    let (alias, _) = CtKey::canonical(Zone::NodeSnat, (proto, type_class), node, other);
    st.alias = alias;
    if !conntrack::find_alias(env, &st.alias, &mut st.key) {
        return behind::NOBODY;
    }
    let Some(entry) = env.connection(&st.key) else { return behind::NOBODY };
    let is_client = st.key.zone == Zone::Service as u8;
    let valid = entry.kind() == ct_kind::TRACKED
        && entry.flags() & ct_flags::SNAT != 0
        && entry.translated() == node
        && (!is_client || entry.service() == other)
        && entry.tag() == st.key.tag();
    if !valid {
        return behind::NOBODY;
    }
    let (opener, responder) = ends(&st.key, &entry);
    st.opener = opener;
    if !is_client {
        return behind::POD;
    }
    st.frontend = responder;
    st.here = (entry.flags() & ct_flags::HOST).into();
    behind::CLIENT
}

/// Returns who opened the connection of a key, and with whom.
#[inline(always)]
pub(super) fn ends<E: Entry>(key: &CtKey, entry: &E) -> (Translation, Translation) {
    let a = Translation { addr: key.addr_a, port: key.port_a };
    let b = Translation { addr: key.addr_b, port: key.port_b };
    if entry.flags() & ct_flags::OPENED_BY_B != 0 { (b, a) } else { (a, b) }
}

#[inline(always)]
fn show_pod<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, node: (Addr, u16), is_error: bool) {
    let pod = st.opener;
    st.translated = node.0;
    let from = Translation { addr: node.0, port: node.1 };
    st.change = Change { field: Field::Destination, from, to: pod };
    if is_error {
        st.packet.dst = pod.addr;
        (st.quoted.src, st.quoted.sport) = (pod.addr, pod.port);
        // Both ports of an ICMP exchange are its identifier.
        if st.quoted.type_class != 0 {
            st.quoted.dport = pod.port;
        }
        return;
    }
    remember_as_it_came(env, st, cx.now);
    (st.packet.dst, st.packet.dport) = (pod.addr, pod.port);
    if st.packet.type_class != 0 {
        st.packet.sport = pod.port;
    }
}

/// Remembers a first fragment before its ends are replaced: later fragments come with the same ends. It
/// needs not be remembered again.
#[inline(always)]
pub(crate) fn remember_as_it_came<E: Env>(env: &E, st: &mut State, now: u64) {
    fragment::remember(env, st, now);
    if matches!(st.packet.fragment, Fragment::First) {
        st.packet.fragment = Fragment::Whole;
    }
}

#[inline(always)]
fn show_client<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: (Addr, u16),
    other: (Addr, u16),
) {
    if matches!(st.packet.kind, Kind::Flow) {
        remember_as_it_came(env, st, cx.now);
    }
    let from = Translation { addr: other.0, port: other.1 };
    let source = Change { field: Field::Source, from, to: st.frontend };
    let from = Translation { addr: node.0, port: node.1 };
    let destination = Change { field: Field::Destination, from, to: st.opener };
    st.turns = u32::from(from != st.opener);
    (st.change, st.turn) = (source, destination);
}

#[inline(always)]
fn is_later(p: &Parsed) -> bool {
    matches!(p.fragment, Fragment::Later)
}
