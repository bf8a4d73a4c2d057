//! Services for clients that are not pods of this node: what came in by a node device, and what the node
//! itself sends.
//!
//! If the backend is a pod of this node, its connection is tracked as it sees it, as for pods
//! ([`super::serve`]), and the client's address stays. Any other backend would answer past this node, so
//! it sees an address of this node instead: the connection is then tracked in zone `Service`, keyed by
//! what the client sends, and its entry names the backend. The backend's node judges.

use super::{
    Choice, choose, find,
    find::admits,
    lot,
    serve::{is_balanced, leads_to, opens},
};
use crate::{
    abi::{
        Addr, CtKey, DropReason, FrontendKey, FrontendValue, Zone, ct_flags, ct_kind,
        frontend_scope,
    },
    conntrack,
    door::Context,
    env::{Entry, Env},
    nat::{self, Translation},
    packet::{Fragment, Kind, transport},
    state::State,
};

/// What [`enter`] found out about a packet.
pub mod entered {
    /// It is for no service.
    pub const NO: u32 = 0;
    /// It is for [`crate::state::State::backend`].
    pub const YES: u32 = 1;
    /// Nobody serves, and the client is told so.
    pub const REFUSED: u32 = 2;
}

/// Finds the backend of a packet from a client in `scope`, or of an ICMP error about an answer of a
/// service. The packet in the state stays as it is. Returns one of [`entered`] or the code of a
/// [`DropReason`].
///
/// Out of line: it would crowd the stack of its callers.
#[inline(never)]
pub fn enter<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, scope: u32) -> u32 {
    let code = match st.packet.kind {
        Kind::Flow => serve(env, cx, st, scope as u8),
        Kind::Error => complain(env, cx, st),
        _ => entered::NO,
    };
    env.blur(code, cx.bytes)
}

/// Tells whether a packet, or an ICMP error about an answer, is for something that clients outside may reach.
#[inline(always)]
pub fn is_asked<E: Env>(env: &E, st: &State) -> bool {
    let (proto, (addr, port)) = match st.packet.kind {
        Kind::Flow => (st.packet.proto, st.packet.destination()),
        Kind::Error => (st.quoted.proto, st.quoted.source()),
        _ => return false,
    };
    let scope = frontend_scope::EXTERNAL;
    env.frontend(&FrontendKey { addr, port, proto, scope, reserved: 0 }).is_some()
}

#[inline(always)]
fn serve<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, scope: u8) -> u32 {
    let p = &st.packet;
    if !is_balanced(p.proto) {
        return entered::NO;
    }
    let (addr, port) = p.destination();
    let is_inside = scope == frontend_scope::INTERNAL;
    let is_this = is_inside && addr == Addr::this_node(addr.family());
    // The node sends to itself: the addresses of a service there are its own.
    let asked = if is_this { p.src } else { addr };
    // Outside, every node has its own node ports.
    let is_node = || is_this || is_inside && env.is_node(&addr);
    let Some(frontend) = find(env, (asked, port), (p.proto, scope), || p.src, is_node) else {
        // The service is gone, and nobody else has this address.
        return if is_this { entered::REFUSED } else { entered::NO };
    };
    if !admits(env, frontend, p.src) {
        return DropReason::NotInSourceRange.code().into();
    }
    let (key, _) = CtKey::canonical(Zone::Service, (p.proto, 0), p.source(), (addr, port));
    st.alias = key;
    st.frontend = Translation { addr, port };
    st.stand_in = Translation::default();
    if kept(env, cx, st) { entered::YES } else { pick(env, st, frontend) }
}

/// The connection of what an error quotes: an answer to the client.
#[inline(always)]
fn complain<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    let q = &st.quoted;
    let strange = q.src != st.packet.dst || matches!(q.fragment, Fragment::Later);
    if strange || !is_balanced(q.proto) {
        return entered::NO;
    }
    let (addr, port) = q.source();
    let (key, _) = CtKey::canonical(Zone::Service, (q.proto, 0), q.destination(), (addr, port));
    st.alias = key;
    st.frontend = Translation { addr, port };
    st.stand_in = Translation::default();
    if kept(env, cx, st) { entered::YES } else { entered::NO }
}

/// Finds the backend of the connection of [`State::alias`], if there is one and it still serves.
#[inline(always)]
fn kept<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> bool {
    let Some(entry) = env.connection(&st.alias) else { return false };
    let (kind, tag) = (entry.kind(), entry.tag());
    st.other = if kind == ct_kind::ALIAS { entry.alias() } else { st.alias };
    st.backend_id = entry.backend_id();
    if tag != st.alias.tag() || entry.tag() != tag {
        return false;
    }
    let Some(backend) = env.backend(st.backend_id) else { return false };
    st.backend = Translation { addr: backend.addr, port: backend.port };
    let Some(tracked) = env.connection(&st.other) else { return false };
    if tracked.kind() != ct_kind::TRACKED || tracked.flags() & ct_flags::SERVICE == 0 {
        return false;
    }
    let (addr, port) = tracked.service();
    let end = Translation { addr, port };
    let is_own = if kind == ct_kind::ALIAS {
        end == st.frontend && leads_to(&st.other, &st.backend)
    } else {
        let (addr, port) = tracked.translated();
        st.stand_in = Translation { addr, port };
        end == st.backend && tracked.flags() & ct_flags::SNAT != 0
    };
    if !is_own || tracked.tag() != st.other.tag() {
        return false;
    }
    let (proto, is_flow) = (st.alias.proto, matches!(st.packet.kind, Kind::Flow));
    let starts_again = is_flow && opens(&st.packet);
    let is_over = starts_again && conntrack::is_over(&tracked, proto, cx.now, 0);
    !is_over && !conntrack::is_expired(&tracked, cx.config, proto, cx.now)
}

/// Chooses a backend. A later fragment has to follow its first one: it chooses nobody.
#[inline(always)]
fn pick<E: Env>(env: &E, st: &mut State, frontend: &FrontendValue) -> u32 {
    let p = &st.packet;
    if matches!(p.fragment, Fragment::Later) {
        return DropReason::FirstFragmentMissing.code().into();
    }
    if st.host.yields != 0 && p.proto == transport::TCP && !opens(p) {
        return entered::NO;
    }
    st.fresh = 1;
    let draw = lot(p.source(), p.dport, p.proto);
    match choose(env, frontend, p.src, draw) {
        Choice::Backend(id, backend) => {
            st.backend_id = id;
            st.backend = Translation { addr: backend.addr, port: backend.port };
            entered::YES
        }
        Choice::Refuse => entered::REFUSED,
        Choice::Drop => DropReason::NoBackend.code().into(),
    }
}

/// Lets the packet in the state be one to its backend.
#[inline(always)]
pub fn aim_at_backend<E: Env>(env: &E, st: &mut State, now: u64) {
    if matches!(st.packet.kind, Kind::Error) {
        (st.quoted.src, st.quoted.sport) = (st.backend.addr, st.backend.port);
    } else {
        nat::remember_as_it_came(env, st, now);
        st.packet.dport = st.backend.port;
    }
    st.packet.dst = st.backend.addr;
    st.service = st.frontend;
}
