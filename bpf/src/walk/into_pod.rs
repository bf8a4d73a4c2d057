//! The last steps to a pod of this node, for packets from outside it.

use crate::{
    abi::{Direction, DropReason, EndpointValue, Observation, endpoint_flags},
    door::{self, Action, Admitted, Context, Destination, Local},
    env::Env,
    forward, fragment, mark,
    packet::{Kind, Packet},
    report::{self, Place, Refusal},
    state::State,
};

const PLACE: Place = Place { direction: Direction::Ingress, observation: Observation::ToEndpoint };

/// Judges the ingress of `pod`, for a packet whose quote was read if it is an ICMP error; events and
/// counters included.
#[inline(always)]
pub(super) fn judge<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
) -> Result<Admitted<Destination>, Refusal> {
    st.endpoint_id = pod.endpoint_id;
    st.dst_identity = pod.identity;
    match st.packet.kind {
        Kind::Flow => {
            let receipt = door::pass(env, cx, st, Local::NONE, pod)?;
            fragment::remember(env, st, cx.now);
            report::passed(env, pkt, st, receipt, PLACE);
            Ok(receipt.destination()?)
        }
        Kind::Error => {
            let receipt = door::related(env, cx, st, Local::NONE, pod)?;
            report::forwarded(env, pkt, PLACE.direction);
            Ok(receipt.destination()?)
        }
        _ => Err(DropReason::CtUnknownProtocol.into()),
    }
}

/// Checks that the pod can be delivered to.
#[inline(always)]
pub(super) fn ready(pod: &EndpointValue) -> Result<Local, DropReason> {
    if pod.flags & endpoint_flags::READY == 0 {
        return Err(DropReason::EndpointNotReady);
    }
    Ok(Local::from(pod))
}

/// Delivers to `pod`: straight into it, or by the stack when the kernel may have to answer.
#[inline(always)]
pub(super) fn deliver<P: Packet>(
    pkt: &P,
    cx: &Context<'_>,
    st: &State,
    pod: &EndpointValue,
    proof: &Admitted<Destination>,
) -> Result<Action, DropReason> {
    if forward::is_exceptional(pkt, cx.config, &st.packet) {
        pkt.set_mark(mark::admitted(cx.config, st.src_identity));
        pkt.set_to_host();
        return Ok(Action::accept(proof));
    }
    forward::prepare_for_pod(pkt, st, pod)?;
    Ok(Action::to_pod(pod.ifindex, proof))
}
