//! Fragments: the first one names the ports, and later ones are nothing without it.

use crate::{
    abi::{DropReason, FragKey, FragValue},
    env::Env,
    packet::{Fragment, Parsed},
    state::State,
};

#[inline(always)]
fn key(p: &Parsed) -> FragKey {
    FragKey { src: p.src, dst: p.dst, id: p.fragment_id, proto: u32::from(p.fragment_proto) }
}

/// Gives a later fragment the ports of its first one.
#[inline(always)]
pub fn resolve<E: Env>(env: &E, st: &mut State) -> Result<(), DropReason> {
    if !matches!(st.packet.fragment, Fragment::Later) {
        return Ok(());
    }
    st.datagram = key(&st.packet);
    let first = env.fragment(&st.datagram).ok_or(DropReason::FirstFragmentMissing)?;
    st.packet.sport = first.sport;
    st.packet.dport = first.dport;
    st.packet.proto = first.proto;
    st.packet.type_class = first.type_class;
    Ok(())
}

/// Remembers the ports of an admitted first fragment.
#[inline(always)]
pub fn remember<E: Env>(env: &E, st: &mut State, now: u64) {
    if !matches!(st.packet.fragment, Fragment::First) {
        return;
    }
    let p = &st.packet;
    st.datagram = key(p);
    st.first_fragment = FragValue {
        sport: p.sport,
        dport: p.dport,
        proto: p.proto,
        type_class: p.type_class,
        reserved: 0,
        seen: now,
    };
    env.put_fragment(&st.datagram, &st.first_fragment);
}
