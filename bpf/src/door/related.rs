//! Through the door with an ICMP error: it belongs to the connection of the packet it quotes.

use super::{
    admit::{Admitted, FlowState, Local, Receipt, Subject, admit},
    leg::Legs,
    pass::Context,
};
use crate::{
    abi::{CtKey, Direction, DropReason, Zone},
    conntrack,
    env::{Entry, Env, Way},
    packet::Fragment,
    state::State,
};

/// Judges the legs of an error: of [`State::from`], which sends it about a packet it got, and of
/// [`State::to`], which gets it about a packet it sent, whichever are pods of this node.
#[inline(always)]
pub fn related<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    to: Local,
) -> Result<Receipt, u32> {
    st.from = from;
    st.to = to;
    settle(env, cx, st);
    let refusal = st.receipt.refusal();
    if refusal != 0 { Err(refusal) } else { Ok(st.receipt) }
}

#[inline(never)]
fn settle<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    st.receipt = match judge(env, cx, st) {
        Ok(receipt) => receipt,
        Err(reason) => Receipt::refused(reason),
    };
    0
}

#[inline(always)]
fn judge<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> Result<Receipt, DropReason> {
    let (q, from, to) = (&st.quoted, st.from, st.to);
    // Only the destination of a packet may complain about it, as pods do not forward; and the
    // complaint goes to nobody but its sender.
    let strange = (from.is_some() && q.dst != st.packet.src)
        || (to.is_some() && q.src != st.packet.dst)
        || matches!(q.fragment, Fragment::Later);
    if strange {
        return Err(DropReason::CtCannotCreate);
    }
    let (key, end) =
        CtKey::canonical(Zone::Pod, (q.proto, q.type_class), q.source(), q.destination());
    st.key = key;
    let found =
        conntrack::find(env, cx.config, &st.key, end, cx.now).ok_or(DropReason::CtCannotCreate)?;
    let legs = Legs::read(&found.entry);
    if found.entry.tag() != st.key.tag() {
        return Err(DropReason::CtCannotCreate);
    }
    // The quoted packet's sender is the opener if that packet went forward.
    let forward = found.way == Way::Forward;
    let source = leg(env, cx, st, legs, from, !forward)?;
    let destination = leg(env, cx, st, legs, to, forward)?;
    let news = conntrack::News::default();
    Ok(Receipt::new(source.as_ref(), destination.as_ref(), Way::Reply, news))
}

#[inline(always)]
fn leg<E: Env, L>(
    env: &E,
    cx: &Context<'_>,
    st: &State,
    legs: Legs,
    pod: Local,
    opener: bool,
) -> Result<Option<Admitted<L>>, DropReason> {
    if !pod.is_some() {
        return Ok(None);
    }
    let (approval, incarnation) = legs.of(opener);
    if incarnation != pod.incarnation {
        return Err(DropReason::CtCannotCreate);
    }
    let current = approval.revision() == cx.revision;
    let direction = if opener { Direction::Egress } else { Direction::Ingress };
    let state = if current { FlowState::Current } else { FlowState::Unjudged };
    admit(env, Subject::Pod(pod), direction, approval.peer(), &st.quoted, state).map(Some)
}
