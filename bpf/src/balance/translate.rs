//! Changing packets of services.

use super::{
    hairpin,
    serve::{settle, show},
};
use crate::{door::Context, env::Env, nat, packet::Packet, state::State};

/// What [`translate`] shall do with a packet of a pod.
pub mod deed {
    /// It is for a backend.
    pub const SERVE: u32 = 1;
    /// It answers a pod that believes to speak with a service.
    pub const SHOW: u32 = 2;
    /// It goes through a service to the pod that sent it.
    pub const TURN: u32 = 3;
    /// It answers such a packet.
    pub const TURN_BACK: u32 = 4;
}

/// Returns the [`deed`] for an admitted packet, or 0.
#[inline(always)]
pub fn deed_of(st: &State, answers: bool) -> u32 {
    match (st.service.addr.is_zero(), answers) {
        (true, _) => 0,
        (false, true) => deed::SHOW,
        (false, false) => deed::SERVE,
    }
}

/// Does one of [`deed`] to a packet that a pod sent. Returns 0 or the code of a
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
    st.turns = 0;
    let failed = match deed {
        deed::SERVE => settle(env, cx, st),
        deed::SHOW => {
            show(st);
            0
        }
        deed::TURN => hairpin::turn(env, cx, st),
        _ => hairpin::turn_back(env, cx, st),
    };
    if failed != 0 {
        return env.blur(failed, cx.bytes);
    }
    let failed = change(pkt, st);
    if failed != 0 || st.turns == 0 {
        return failed;
    }
    st.change = st.turn;
    let failed = nat::rewrite_flow(pkt, st);
    nat::refresh_sums(pkt, st);
    failed
}

/// Shows a pod the service that it believes to speak with, [`State::service`]. Returns 0 or the code of a
/// [`crate::abi::DropReason`].
#[inline(never)]
pub fn reveal<P: Packet>(pkt: &P, st: &mut State) -> u32 {
    show(st);
    change(pkt, st)
}

/// Makes [`State::change`], and leaves the packet so that it can be changed again.
#[inline(always)]
fn change<P: Packet>(pkt: &P, st: &mut State) -> u32 {
    match nat::rewrite(pkt, st) {
        Ok(()) => {
            nat::refresh_sums(pkt, st);
            0
        }
        Err(code) => code,
    }
}
