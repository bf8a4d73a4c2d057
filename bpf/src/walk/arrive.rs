//! The last steps to who gets a packet here: a pod of this node, or the protected host.

use super::icmp;
use crate::{
    abi::{
        DeviceValue, Direction, DropReason, EndpointValue, Observation, endpoint_flags, identity,
    },
    balance,
    door::{self, Action, Context, Local, Receipt},
    env::Env,
    forward::{self, Entrance},
    fragment, mark,
    packet::{Kind, Packet},
    report::{self, Place, Refusal},
    state::State,
};

const AT_POD: Place = Place { direction: Direction::Ingress, observation: Observation::ToEndpoint };
const AT_HOST: Place = Place { direction: Direction::Ingress, observation: Observation::ToHost };

/// Makes `pod` the one who gets the packet, if it can be delivered to.
#[inline(always)]
pub(super) fn at_pod(st: &mut State, pod: &EndpointValue) -> Result<(), DropReason> {
    if pod.flags & endpoint_flags::READY == 0 {
        return Err(DropReason::EndpointNotReady);
    }
    st.to = Local::from(pod);
    st.endpoint_id = pod.endpoint_id;
    st.dst_identity = pod.identity;
    st.entrance = Entrance::from(pod);
    st.place = AT_POD;
    Ok(())
}

/// Makes the pod behind `device` the one who gets the packet.
#[inline(always)]
pub(super) fn at_device(st: &mut State, device: &DeviceValue) {
    st.to = Local::from(device);
    st.endpoint_id = device.endpoint_id;
    st.dst_identity = device.identity;
    st.place = AT_POD;
}

/// Makes the host the one who gets the packet.
#[inline(always)]
pub(super) fn at_host(st: &mut State) {
    st.to = Local::from(&st.host);
    st.dst_identity = identity::HOST;
    st.place = AT_HOST;
}

/// Judges the legs of `from` and of [`State::to`] for a packet that was seen at [`State::place`];
/// counters and events included. Of an ICMP error only the quote is asked about.
#[inline(always)]
pub(super) fn judge<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
) -> Result<Receipt, Refusal> {
    let to = st.to;
    match st.packet.kind {
        Kind::Flow => {
            let receipt = door::pass(env, pkt, cx, st, from, to)?;
            fragment::remember(env, st, cx.now);
            report::passed(env, pkt, st, receipt, st.place);
            Ok(receipt)
        }
        Kind::Error => {
            let receipt = door::related(env, cx, st, from, to)?;
            report::forwarded(env, pkt, st.place.direction);
            Ok(receipt)
        }
        _ => Err(DropReason::CtUnknownProtocol.into()),
    }
}

/// Reads what [`judge`] needs beyond the headers: the ports of a later fragment, an error's quote.
#[inline(always)]
pub(super) fn read<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<(), DropReason> {
    fragment::resolve(env, st)?;
    icmp::read_if_error(pkt, st)
}

/// Tells whether a pod of this node gets the packet.
#[inline(always)]
pub(super) fn is_at_pod(st: &State) -> bool {
    matches!(st.place.observation, Observation::ToEndpoint)
}

/// Shows a client of a service that service, if an answer is for one.
#[inline(always)]
pub(super) fn show_service<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    st: &mut State,
    receipt: Receipt,
) -> Result<(), Refusal> {
    if receipt.has_service() {
        let failed = balance::reveal(env, pkt, st);
        if failed != 0 {
            return Err(failed.into());
        }
    }
    Ok(())
}

/// Delivers to the pod: straight into it, or by the stack when the kernel may have to answer.
#[inline(always)]
pub(super) fn deliver<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    receipt: Receipt,
) -> Result<Action, Refusal> {
    let proof = &receipt.destination()?;
    show_service(env, pkt, st, receipt)?;
    if forward::is_exceptional(pkt, cx.config, &st.packet) {
        pkt.set_mark(mark::arrived(cx.config, st.src_identity));
        pkt.set_to_host();
        return Ok(Action::accept(proof));
    }
    forward::prepare_for_pod(pkt, st)?;
    Ok(Action::to_pod(st.entrance.ifindex, proof))
}
