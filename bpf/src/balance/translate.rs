//! Changing packets of services.

use super::{
    hairpin,
    serve::{settle, show},
};
use crate::{
    door::Context,
    env::Env,
    nat::{self, Change, Field, Translation},
    packet::{Kind, Packet},
    state::State,
};

/// What [`translate`] shall do with a packet.
pub mod deed {
    /// It is for a backend that sees who sent it.
    pub const SERVE: u32 = 1;
    /// It answers who believes to speak with a service.
    pub const SHOW: u32 = 2;
    /// It goes through a service to the pod that sent it.
    pub const TURN: u32 = 3;
    /// It answers such a packet.
    pub const TURN_BACK: u32 = 4;
    /// It is for a backend that sees [`crate::state::State::stand_in`].
    pub const PASS_ON: u32 = 5;
    /// The state says already what to change: [`crate::nat::untranslate`] found it.
    pub const PASS_BACK: u32 = 6;
    /// So, and nothing but [`crate::state::State::change`].
    pub const UNTRANSLATE: u32 = 7;
}

/// Returns the [`deed`] for an admitted packet that a pod sent, or 0.
#[inline(always)]
pub fn deed_of(st: &State, answers: bool) -> u32 {
    match (st.service.addr.is_zero(), answers) {
        (true, _) => 0,
        (false, true) => deed::SHOW,
        (false, false) => deed::SERVE,
    }
}

/// Does one of [`deed`] to a packet. Returns 0 or the code of a
/// [`crate::abi::DropReason`]. Out of line, and with one place for all deeds to change the packet: the
/// verifier shall walk it once.
#[inline(never)]
pub fn translate<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    deed: u32,
) -> u32 {
    if deed != deed::PASS_BACK {
        st.turns = 0;
    }
    let failed = match deed {
        deed::SERVE => settle(env, cx, st),
        deed::SHOW => {
            show(st);
            0
        }
        deed::TURN => hairpin::turn(env, cx, st),
        deed::TURN_BACK => hairpin::turn_back(env, cx, st),
        deed::PASS_ON => {
            pass_on(st);
            0
        }
        _ => 0,
    };
    if failed != 0 {
        return env.blur(failed, cx.bytes);
    }
    env.repeat(1 + st.turns, || {
        st.failed = change(env, pkt, st);
        st.change = st.turn;
        st.failed == 0
    });
    env.blur(st.failed, cx.bytes)
}

/// The backend sees the end that stands in for the client.
#[inline(always)]
fn pass_on(st: &mut State) {
    let (addr, port) = match st.packet.kind {
        Kind::Error => st.quoted.destination(),
        _ => st.packet.source(),
    };
    let client = Translation { addr, port };
    st.change = Change { field: Field::Destination, from: st.frontend, to: st.backend };
    st.turn = Change { field: Field::Source, from: client, to: st.stand_in };
    st.turns = u32::from(client != st.stand_in);
}

/// Shows a pod the service that it believes to speak with, [`State::service`]. Returns 0 or the code of a
/// [`crate::abi::DropReason`].
#[inline(never)]
pub fn reveal<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> u32 {
    show(st);
    change(env, pkt, st)
}

/// Makes [`State::change`], and leaves the packet so that it can be changed again. Returns 0 or the code of
/// a [`crate::abi::DropReason`].
#[inline(always)]
pub fn change<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> u32 {
    let failed = match nat::rewrite(env, pkt, st) {
        Ok(()) => {
            nat::refresh_sums(pkt, st);
            0
        }
        Err(code) => code,
    };
    env.blur(failed, pkt.len())
}
