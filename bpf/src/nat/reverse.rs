//! From the tuple on the underlay back to the pod.

use super::claim::Translation;
use crate::{
    abi::{Addr, Config, CtKey, Zone, ct_flags, ct_kind},
    conntrack,
    env::{Entry, Env},
    packet::{Parsed, transport},
    state::State,
};

/// Tells whether a port of the node can belong to a translated connection.
#[inline(always)]
pub fn may_be_translated(config: &Config, p: &Parsed, port: u16) -> bool {
    let port = u32::from(port);
    match p.proto {
        transport::SCTP => true,
        _ => port >= config.snat_port_min && port <= config.snat_port_max,
    }
}

/// Finds the pod's end behind `node`, the end of a connection with `other`.
#[inline(always)]
pub fn find<E: Env>(
    env: &E,
    st: &mut State,
    (proto, type_class): (u8, u8),
    node: (Addr, u16),
    other: (Addr, u16),
) -> Option<Translation> {
    let (alias, _) = CtKey::canonical(Zone::NodeSnat, (proto, type_class), node, other);
    st.alias = alias;
    if !conntrack::find_alias(env, &st.alias, &mut st.key) {
        return None;
    }
    let entry = env.connection(&st.key)?;
    let valid = entry.kind() == ct_kind::TRACKED
        && entry.flags() & ct_flags::SNAT != 0
        && entry.translated() == node
        && entry.tag() == st.key.tag();
    if !valid {
        return None;
    }
    Some(if entry.flags() & ct_flags::OPENED_BY_B != 0 {
        Translation { addr: st.key.addr_b, port: st.key.port_b }
    } else {
        Translation { addr: st.key.addr_a, port: st.key.port_a }
    })
}
