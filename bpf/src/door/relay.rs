//! Through the door with a connection between others that this node passes on: no leg of it is here, and
//! whoever has one judges.

use super::{
    admit::{Admitted, Receipt, Transit},
    pass::Context,
};
use crate::{
    abi::{CtKey, DropReason, Zone, ct_flags},
    admission,
    conntrack::{self, News},
    env::{Entry, Env, Put, Way},
    nat,
    packet::Kind,
    state::State,
};

/// Follows a packet of the client of a service whose backend is in [`State::backend`]; [`State::key`] is
/// the key of the connection. Opens it if the backend was chosen for this packet: it sees a port of the
/// address in [`State::stand_in`] then, or the client if there is none.
///
/// Returns 0 and leaves the proof in [`State::receipt`], or returns the code of a [`DropReason`].
#[inline(always)]
pub fn relay<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    match follow(env, cx, st, Way::FORWARD.bit()) {
        ABSENT => open(env, cx, st),
        _ => 0,
    }
}

/// Follows an answer to [`State::opener`], such a client of [`State::frontend`]. Whoever judged it before did so
/// by another connection.
///
/// Returns 0 and leaves the proof in [`State::receipt`], or returns the code of a [`DropReason`].
#[inline(always)]
pub fn relay_back<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    let (client, service) = (st.opener, st.frontend);
    let ends = ((client.addr, client.port), (service.addr, service.port));
    (st.key, _) = CtKey::canonical(Zone::Service, (st.packet.proto, 0), ends.0, ends.1);
    match follow(env, cx, st, Way::REPLY.bit()) {
        ABSENT => DropReason::CtCannotCreate.code().into(),
        _ => 0,
    }
}

/// There is no connection yet.
const ABSENT: u32 = 1;

/// Counts the packet on its connection; an ICMP error counts on none. Out of line: both ways need it.
#[inline(never)]
fn follow<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, reply: u32) -> u32 {
    let way = Way::from_bit(reply);
    st.receipt = Receipt::passed_on(Admitted::<Transit>::without_question(), way);
    if matches!(st.packet.kind, Kind::Error) {
        return 0;
    }
    if st.fresh != 0 {
        return ABSENT;
    }
    let Some(entry) = env.connection(&st.key).filter(|entry| entry.tag() == st.key.tag()) else {
        return ABSENT;
    };
    let found = conntrack::Found { entry, way };
    let news = conntrack::news(&found, cx.config, st.packet.tcp_flags, cx.now);
    if cx.tally.counts() {
        found.entry.touch(way.sender(), cx.now, cx.bytes, st.packet.tcp_flags);
    }
    if news.any() {
        found.entry.set_reported(cx.now);
        found.entry.copy_to(&mut st.value);
        st.receipt = st.receipt.with(news);
    }
    0
}

/// Writes a new connection, and claims the end that the backend shall see.
#[inline(never)]
fn open<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    if let Err(reason) = admission::admit_stranger(env, st.src_identity) {
        return reason.code().into();
    }
    let client = st.packet.source();
    let source = env.blur(u32::from((st.key.addr_b, st.key.port_b) == client), cx.bytes);
    conntrack::create(&mut st.value, &st.key, source, cx.now, st.packet.tcp_flags, cx.bytes);
    st.value.flags |= ct_flags::SERVICE | ct_flags::INBOUND | st.here as u8;
    st.value.service_addr = st.backend.addr;
    st.value.service_port = st.backend.port;
    st.value.backend_id = st.backend_id;
    let refusal = match conntrack::put(env, &st.key, &st.value, Put::Any) {
        Ok(()) => nat::claim_end(env, cx, st),
        Err(_) => DropReason::CtInsertFailed.code().into(),
    };
    st.receipt = st.receipt.with(News::opened());
    env.blur(refusal, cx.bytes)
}
