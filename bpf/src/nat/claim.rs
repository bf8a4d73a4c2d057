//! Choosing and claiming a port.

use super::reverse::ends;
use crate::{
    abi::{Addr, Config, CtKey, CtValue, DropReason, Zone, ct_flags, ct_kind},
    conntrack,
    door::Context,
    env::{Entry, Env, Put, PutError},
    packet::transport,
    state::State,
};

/// Ports tried, one after the other, from a random start.
const ATTEMPTS: u32 = 64;
/// What trying a port came to.
const CLAIMED: u32 = 0;
const TAKEN: u32 = 1;
const NO_ROOM: u32 = 2;
const EXHAUSTED: u32 = 3;
/// A closed connection gives its port to a new one after this long, ns.
const CLOSED_GRACE: u64 = 1_000_000_000;

/// What one side of a translation sees of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// Address.
    pub addr: Addr,
    /// Port, or identifier of an ICMP exchange.
    pub port: u16,
}

/// Returns the translation that the tracked entry of [`State::key`] has, if it is to `node`.
#[inline(always)]
pub fn current<E: Env>(env: &E, st: &State, node: &Addr) -> Option<Translation> {
    let entry = env.connection(&st.key)?;
    let (addr, port) = entry.translated();
    let valid = entry.kind() == ct_kind::TRACKED
        && entry.flags() & ct_flags::SNAT != 0
        && entry.tag() == st.key.tag()
        && addr == *node;
    valid.then_some(Translation { addr, port })
}

/// Returns the translation of the packet's connection to `node`; claims one for a new connection.
#[inline(always)]
pub fn translate_flow<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
) -> Result<Translation, DropReason> {
    if node.is_zero() {
        return Err(DropReason::NoNatMapping);
    }
    match current(env, st, node) {
        Some(translation) => Ok(translation),
        None => claim(env, cx, st, node),
    }
}

/// Claims an end for the connection of [`State::key`], which is new: a port of the address in
/// [`State::stand_in`], or if there is none, the packet's own source. It is in the state then. Returns 0 or the code of a
/// [`DropReason`]. Out of line: rare, and it would crowd the stack of its callers.
#[inline(never)]
pub fn claim_end<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    let node = st.stand_in.addr;
    let claimed = if node.is_zero() {
        let own = st.packet.src;
        leave(env, st);
        st.ports = Ports::only(st.packet.sport);
        search(env, cx, st, &own)
    } else {
        claim(env, cx, st, &node)
    };
    match claimed {
        Ok(end) => {
            st.stand_in = end;
            0
        }
        Err(reason) => reason.code().into(),
    }
}

/// Ends the sender's connection with another service that led to the same backend: a socket of UDP that was closed
/// tells nobody, and the next one may get its port at once. If the older one is there after all, its next packet
/// claims the end back. Out of line, and before a port is searched: the verifier shall walk it once.
#[inline(never)]
fn leave<E: Env>(env: &E, st: &mut State) -> u32 {
    let p = &st.packet;
    let (alias, _) = CtKey::canonical(Zone::NodeSnat, (p.proto, 0), p.source(), p.destination());
    st.alias = alias;
    if p.proto != transport::UDP || !conntrack::find_alias(env, &st.alias, &mut st.other) {
        return 0;
    }
    let Some(entry) = env.connection(&st.other) else { return 0 };
    let (addr, port) = st.packet.source();
    let is_own = ends(&st.other, &entry).0 == Translation { addr, port };
    if is_own && st.other.zone == Zone::Service as u8 && st.other != st.key {
        env.remove_connection(&st.alias);
        env.remove_connection(&st.other);
    }
    0
}

#[inline(always)]
fn claim<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
) -> Result<Translation, DropReason> {
    st.ports = match st.packet.proto {
        transport::TCP | transport::UDP | transport::ICMP | transport::ICMPV6 => {
            Ports::of(cx.config, env.random())
        }
        // The checksum of SCTP covers the ports and cannot be corrected: they stay.
        transport::SCTP => Ports::only(st.packet.sport),
        _ => return Err(DropReason::NatUnsupportedProtocol),
    };
    search(env, cx, st, node)
}

/// Claims the first of [`State::ports`] that is free.
#[inline(always)]
fn search<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
) -> Result<Translation, DropReason> {
    st.claim = EXHAUSTED;
    let left = u32::from(st.ports.left);
    env.repeat(left, || {
        st.claim = attempt(env, cx, st, node);
        st.claim == TAKEN
    });
    match st.claim {
        CLAIMED => record(env, st, node),
        NO_ROOM => Err(DropReason::CtInsertFailed),
        _ => Err(DropReason::NoNatMapping),
    }
}

/// A place in the range of ports, and how many are left to try.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    at: u16,
    min: u16,
    max: u16,
    left: u16,
}

impl Ports {
    #[inline(always)]
    fn only(port: u16) -> Self {
        Self { at: port, left: 1, ..Self::default() }
    }

    #[inline(always)]
    fn of(config: &Config, random: u32) -> Self {
        let (min, max) = (config.snat_port_min as u16, config.snat_port_max as u16);
        let span = u32::from(max.saturating_sub(min)) + 1;
        // The upper half of the product is the random number scaled to the span.
        let offset = (u64::from(random) * u64::from(span)) >> 32;
        let left = if span < ATTEMPTS { span } else { ATTEMPTS } as u16;
        Self { at: min.wrapping_add(offset as u16), min, max, left }
    }
}

/// Tries the next port.
#[inline(always)]
fn attempt<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, node: &Addr) -> u32 {
    st.port = st.ports.at;
    st.ports.at = if st.port >= st.ports.max { st.ports.min } else { st.port + 1 };
    match claim_port(env, cx, st, node, st.port) {
        Ok(()) => CLAIMED,
        Err(PutError::Full) => NO_ROOM,
        Err(_) => TAKEN,
    }
}

#[inline(always)]
fn claim_port<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
    port: u16,
) -> Result<(), PutError> {
    let p = &st.packet;
    // Both ports of an ICMP exchange are its identifier.
    let other = if p.type_class != 0 { (p.dst, port) } else { p.destination() };
    let (alias, _) =
        CtKey::canonical(Zone::NodeSnat, (p.proto, p.type_class), (*node, port), other);
    st.alias = alias;
    st.value = CtValue {
        tag: alias.tag(),
        created: cx.now,
        last_seen: cx.now,
        alias: st.key,
        kind: ct_kind::ALIAS,
        ..CtValue::default()
    };
    match env.put_connection(&st.alias, &st.value, Put::Claim) {
        Err(PutError::Exists) if is_free(env, cx, st, node, port) => {
            env.put_connection(&st.alias, &st.value, Put::Any)
        }
        result => result,
    }
}

/// Tells whether an existing alias leads to nothing that still needs it.
#[inline(always)]
fn is_free<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, node: &Addr, port: u16) -> bool {
    if !conntrack::find_alias(env, &st.alias, &mut st.other) {
        return false;
    }
    if st.other == st.key {
        return true;
    }
    let Some(entry) = env.connection(&st.other) else { return true };
    let unused = entry.kind() != ct_kind::TRACKED || entry.translated() != (*node, port);
    let proto = st.other.proto;
    unused
        || conntrack::is_expired(&entry, cx.config, proto, cx.now)
        || conntrack::is_over(&entry, proto, cx.now, CLOSED_GRACE)
}

/// Writes the translation into the tracked entry; gives the port back if that is gone.
#[inline(always)]
fn record<E: Env>(env: &E, st: &mut State, node: &Addr) -> Result<Translation, DropReason> {
    let translation = Translation { addr: *node, port: st.port };
    let stored = env.connection(&st.key).is_some_and(|entry| {
        entry.copy_to(&mut st.value);
        st.value.tag == st.key.tag() && st.value.kind == ct_kind::TRACKED
    });
    if stored {
        st.value.flags |= ct_flags::SNAT;
        st.value.nat_addr = translation.addr;
        st.value.nat_port = translation.port;
        if conntrack::put(env, &st.key, &st.value, Put::Replace).is_ok() {
            return Ok(translation);
        }
    }
    env.remove_connection(&st.alias);
    Err(DropReason::CtInsertFailed)
}
