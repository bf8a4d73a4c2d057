//! Choosing and claiming a port.

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
/// A closed connection gives its port to a new one after this long, ns.
const CLOSED_GRACE: u64 = 1_000_000_000;

/// What the other end sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[inline(always)]
fn claim<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
) -> Result<Translation, DropReason> {
    let (first, span) = match st.packet.proto {
        transport::TCP | transport::UDP | transport::ICMP | transport::ICMPV6 => {
            range(cx.config, env.random())
        }
        // The checksum of SCTP covers the ports and cannot be corrected: they stay.
        transport::SCTP => (Ports { at: st.packet.sport, ..Ports::default() }, 1),
        _ => return Err(DropReason::NatUnsupportedProtocol),
    };
    let port = search(env, cx, st, node, first, span.min(ATTEMPTS))?;
    record(env, st, Translation { addr: *node, port })
}

/// A place in the range of ports.
#[derive(Clone, Copy, Default)]
struct Ports {
    at: u16,
    min: u16,
    max: u16,
}

impl Ports {
    #[inline(always)]
    fn next(self) -> Self {
        let at = if self.at >= self.max { self.min } else { self.at + 1 };
        Self { at, ..self }
    }
}

#[inline(always)]
fn range(config: &Config, random: u32) -> (Ports, u32) {
    let (min, max) = (config.snat_port_min as u16, config.snat_port_max as u16);
    let span = u32::from(max.saturating_sub(min)) + 1;
    // The upper half of the product is the random number scaled to the span.
    let offset = (u64::from(random) * u64::from(span)) >> 32;
    (Ports { at: min.wrapping_add(offset as u16), min, max }, span)
}

#[inline(always)]
fn search<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    node: &Addr,
    first: Ports,
    attempts: u32,
) -> Result<u16, DropReason> {
    let mut ports = first;
    for attempt in 0..ATTEMPTS {
        if attempt >= attempts {
            break;
        }
        match claim_code(env, cx, st, node, ports.at.into()) {
            CLAIMED => return Ok(ports.at),
            TAKEN => ports = ports.next(),
            _ => return Err(DropReason::CtInsertFailed),
        }
    }
    Err(DropReason::NoNatMapping)
}

/// Claims one port by inserting its alias.
#[inline(never)]
fn claim_code<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, node: &Addr, port: u32) -> u32 {
    match claim_port(env, cx, st, node, port as u16) {
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
    let mut tracked = CtKey::default();
    if !conntrack::find_alias(env, &st.alias, &mut tracked) {
        return false;
    }
    if tracked == st.key {
        return true;
    }
    let Some(entry) = env.connection(&tracked) else { return true };
    let unused = entry.kind() != ct_kind::TRACKED || entry.translated() != (*node, port);
    let proto = tracked.proto;
    unused
        || conntrack::is_expired(&entry, cx.config, proto, cx.now)
        || conntrack::is_over(&entry, proto, cx.now, CLOSED_GRACE)
}

/// Writes the translation into the tracked entry; gives the port back if that is gone.
#[inline(always)]
fn record<E: Env>(
    env: &E,
    st: &mut State,
    translation: Translation,
) -> Result<Translation, DropReason> {
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
