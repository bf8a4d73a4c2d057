//! Through the door with an ICMP error: it belongs to the connection of the packet it quotes.

use super::{
    admit::{Admitted, Destination, FlowState, Local, Source, Subject, admit},
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

/// Judges an error that a pod sends about a packet it got.
#[inline(always)]
pub fn related_source<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
) -> Result<Admitted<Source>, DropReason> {
    // Only the destination of a packet may complain about it, as pods do not forward.
    if st.quoted.dst != st.packet.src {
        return Err(DropReason::CtCannotCreate);
    }
    related(env, cx, st, pod, Side::Receiver)
}

/// Judges an error that goes to a pod about a packet it sent.
#[inline(always)]
pub fn related_destination<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
) -> Result<Admitted<Destination>, DropReason> {
    if st.quoted.src != st.packet.dst {
        return Err(DropReason::CtCannotCreate);
    }
    related(env, cx, st, pod, Side::Sender)
}

/// Judges an error between two pods of this node.
#[inline(always)]
pub fn related_both<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    to: Local,
) -> Result<(Admitted<Source>, Admitted<Destination>), DropReason> {
    Ok((related_source(env, cx, st, from)?, related_destination(env, cx, st, to)?))
}

/// Whose leg is asked about: of the end that sent the quoted packet, or that got it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sender,
    Receiver,
}

#[inline(always)]
fn related<E: Env, L>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
    side: Side,
) -> Result<Admitted<L>, DropReason> {
    let q = &st.quoted;
    if matches!(q.fragment, Fragment::Later) {
        return Err(DropReason::CtCannotCreate);
    }
    let (key, end) =
        CtKey::canonical(Zone::Pod, (q.proto, q.type_class), q.source(), q.destination());
    st.key = key;
    let found =
        conntrack::find(env, cx.config, &st.key, end, cx.now).ok_or(DropReason::CtCannotCreate)?;
    let legs = Legs::read(&found.entry);
    let opener = (found.way == Way::Forward) == (side == Side::Sender);
    let (approval, incarnation) = legs.of(opener);
    if found.entry.tag() != st.key.tag() || incarnation != pod.incarnation {
        return Err(DropReason::CtCannotCreate);
    }
    let current = approval.revision() == cx.revision;
    let direction = if opener { Direction::Egress } else { Direction::Ingress };
    let state = if current { FlowState::Current } else { FlowState::Unjudged };
    admit(env, Subject::Pod(pod), direction, approval.peer(), &st.quoted, state)
}
