//! A pod that reaches itself through a service.
//!
//! Its own packet would come back to it with its own address as the source, and the answer would never
//! leave it. So the packet comes from the hairpin address, which stands for the service on the link, and
//! whoever answers that is a client of its own again. No policy is asked: pods may always reach
//! themselves.

use super::serve::bind;
use crate::{
    abi::{Addr, Config, CtKey, DropReason, Zone, ct_flags},
    conntrack,
    door::Context,
    env::{Entry, Env, Put},
    nat::{Change, Field, Translation},
    packet::Parsed,
    state::State,
};

/// Returns the hairpin address of a packet's family.
#[inline(always)]
pub fn address<'c>(config: &'c Config, p: &Parsed) -> &'c Addr {
    if p.is_v4() { &config.hairpin_v4 } else { &config.hairpin_v6 }
}

/// Gets a packet of [`super::serve`] ready for the pod that sent it: [`State::change`] and [`State::turn`]
/// are due then. Returns 0 or the code of a [`DropReason`]. Out of line: its stack must be free again when
/// the packet is changed.
#[inline(never)]
pub(super) fn turn<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    let p = &st.packet;
    let (own, port) = p.source();
    let hairpin = *address(cx.config, p);
    let (key, end) =
        CtKey::canonical(Zone::Service, (p.proto, 0), (hairpin, port), p.destination());
    st.key = key;
    let source = env.blur(end.bit(), cx.bytes);
    match conntrack::find(env, cx.config, &st.key, source, cx.now) {
        Some(found) if st.fresh == 0 => {
            found.entry.touch(found.way.sender(), cx.now, cx.bytes, st.packet.tcp_flags);
        }
        _ => {
            let failed = remember(env, cx, st, source);
            if failed != 0 {
                return failed;
            }
        }
    }
    st.change = Change { field: Field::Destination, from: st.service, to: st.backend };
    let (from, to) = (Translation { addr: own, port }, Translation { addr: hairpin, port });
    st.turn = Change { field: Field::Source, from, to };
    st.turns = 1;
    0
}

/// Writes the connection from the hairpin address, and the alias that leads to it. Out of line: rare.
#[inline(never)]
fn remember<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, source: u32) -> u32 {
    conntrack::create(&mut st.value, &st.key, source, cx.now, st.packet.tcp_flags, cx.bytes);
    st.value.flags |= ct_flags::SERVICE;
    st.value.service_addr = st.service.addr;
    st.value.service_port = st.service.port;
    match conntrack::put(env, &st.key, &st.value, Put::Any) {
        Ok(()) => bind(env, cx, st),
        Err(_) => DropReason::CtInsertFailed.code().into(),
    }
}

/// Gets an answer to the hairpin address ready for the pod that sent it, as the service's:
/// [`State::change`] and [`State::turn`] are due then. Returns 0 or
/// the code of a [`DropReason`].
#[inline(never)]
pub(super) fn turn_back<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    let p = &st.packet;
    let (own, hairpin) = (p.src, p.dst);
    let (key, end) =
        CtKey::canonical(Zone::Service, (p.proto, p.type_class), p.source(), p.destination());
    st.key = key;
    let source = env.blur(end.bit(), cx.bytes);
    let Some(found) = conntrack::find(env, cx.config, &st.key, source, cx.now) else {
        return DropReason::CtCannotCreate.code().into();
    };
    let (addr, port) = found.entry.service();
    let (way, tag) = (found.way, found.entry.tag());
    if way.bit() == 0 || addr.is_zero() || tag != st.key.tag() {
        return DropReason::CtCannotCreate.code().into();
    }
    found.entry.touch(way.sender(), cx.now, cx.bytes, st.packet.tcp_flags);
    let backend = Translation { addr: own, port: st.packet.sport };
    st.change = Change { field: Field::Source, from: backend, to: Translation { addr, port } };
    let port = st.packet.dport;
    let (from, to) = (Translation { addr: hairpin, port }, Translation { addr: own, port });
    st.turn = Change { field: Field::Destination, from, to };
    st.turns = 1;
    0
}
