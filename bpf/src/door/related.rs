//! Through the door with an ICMP error: it belongs to the connection of the packet it quotes.

use super::{
    admit::{Admitted, FlowState, Local, Receipt, admit},
    judge::{self, Question},
    leg::{self, Legs},
    pass::Context,
};
use crate::{
    abi::{Addr, Approval, CtKey, DropReason, Zone},
    balance, conntrack,
    env::{Entry, Env, Leg, Way},
    nat::Translation,
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
    st.receipt.result()
}

/// Out of line, as for [`super::pass`].
#[inline(never)]
fn settle<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    st.receipt = match judge(env, cx, st) {
        Ok(receipt) => receipt,
        Err(code) => Receipt::refused(code),
    };
    0
}

#[inline(always)]
fn judge<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> Result<Receipt, u32> {
    const STRANGE: u32 = DropReason::CtCannotCreate.code() as u32;
    let (q, from, to) = (&st.quoted, st.from, st.to);
    // Only the destination of a packet may complain about it, as pods do not forward; and the
    // complaint goes to nobody but its sender.
    let strange = (from.is_some() && q.dst != st.packet.src)
        || (to.is_some() && q.src != st.packet.dst)
        || matches!(q.fragment, Fragment::Later);
    if strange {
        return Err(STRANGE);
    }
    let (key, end) =
        CtKey::canonical(Zone::Pod, (q.proto, q.type_class), q.source(), q.destination());
    st.key = CtKey { zone: from.zone(&to), ..key };
    let source = env.blur(end.bit(), cx.bytes);
    let found = conntrack::find(env, cx.config, &st.key, source, cx.now).ok_or(STRANGE)?;
    // The pod that gets the error is the side that sent the quoted packet.
    let way = found.way;
    let legs = Legs::read(&found.entry, way);
    if found.entry.tag() != st.key.tag() {
        return Err(STRANGE);
    }
    // Who gets the error believes to have sent the packet to a service.
    st.service =
        if way.bit() == 0 { balance::service_of(&found.entry) } else { Translation::default() };
    let l4 = judge::service(&st.quoted, way);
    let (src, dst) = (st.quoted.src, st.quoted.dst);
    let (from, to) = (st.from, st.to);
    let source = leg(env, cx, st, (&legs.destination, &from, way.receiver()), src, l4)?;
    let destination = leg(env, cx, st, (&legs.source, &to, way.sender()), dst, l4)?;
    let receipt = Receipt::new((&from, source), (&to, destination), Way::REPLY);
    Ok(if st.service.addr.is_zero() { receipt } else { receipt.with_service() })
}

/// Judges one side's leg, for the peer that it was judged for.
#[inline(always)]
fn leg<E: Env, L>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    (leg, pod, side): (&Leg, &Local, usize),
    peer: Addr,
    l4: (u8, u16),
) -> Result<Admitted<L>, u32> {
    if pod.is_some() && leg.incarnation != pod.incarnation {
        return Err(DropReason::CtCannotCreate.code().into());
    }
    let approval = Approval(leg.approval);
    let current = !pod.is_some() || approval.revision() == cx.revision;
    let state = if current { FlowState::Current } else { FlowState::Unjudged };
    let question = Question::about(pod, leg::direction(side), (approval.peer(), peer), l4);
    admit(env, st, question, state)
}
