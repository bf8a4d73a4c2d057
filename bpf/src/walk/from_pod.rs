//! What a pod sends.

use super::{icmp, into_pod};
use crate::{
    abi::{
        ABI_VERSION, Addr, DeviceKind, DeviceValue, Direction, DropReason, Family, Note,
        Observation, device_flags,
    },
    door::{self, Action, Admitted, Context, Local, Source, Tally},
    env::Env,
    forward, fragment,
    link::{self, Frame},
    mark,
    packet::{
        ETHERNET, Kind, Mac, Packet,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    source,
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Egress, observation: Observation::FromEndpoint };
const INTO_POD: Place =
    Place { direction: Direction::Ingress, observation: Observation::ToEndpoint };

/// Walks a packet that a pod sent.
#[inline(always)]
pub fn from_pod<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
    st.reset();
    let result = walk(env, pkt, st);
    report::conclude(env, pkt, st, result, PLACE)
}

#[inline(always)]
fn walk<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<Action, Refusal> {
    let config = env.config().ok_or(DropReason::NoConfiguration)?;
    if config.abi_version != ABI_VERSION {
        return Err(DropReason::NoConfiguration.into());
    }
    let device = env.device(pkt.ifindex()).ok_or(DropReason::NoConfiguration)?;
    if device.kind != DeviceKind::Pod as u32 || device.flags & device_flags::READY == 0 {
        return Err(DropReason::EndpointNotReady.into());
    }
    st.src_identity = device.identity;
    st.endpoint_id = device.endpoint_id;
    let frame = link::read(pkt, st)?;
    let gateway = Mac::new(device.mac);
    source::check_link(st, device, gateway)?;
    match frame {
        Frame::Ip(Family::V4) => {
            ip::parse(pkt, Family::V4, ETHERNET, Extent::Complete, &mut st.packet)?;
        }
        Frame::Ip(Family::V6) => {
            ip::parse(pkt, Family::V6, ETHERNET, Extent::Complete, &mut st.packet)?;
        }
        Frame::Arp => {
            let answered = link::answer_arp(pkt, st, gateway, |a| *a == config.gateway_v4)?;
            return answer(env, pkt, answered, Note::ArpAnswered, DropReason::InvalidPacket);
        }
        Frame::Other(reason) => return Err(reason.into()),
    }
    // Before anything that it covers.
    let revision = env.revision();
    let cx = Context { config, revision, now: env.now(), bytes: pkt.len(), tally: Tally::Count };
    if !matches!(st.packet.kind, Kind::Flow | Kind::Error) {
        return link_local(env, pkt, st, gateway, &config.gateway_v6);
    }
    source::check_pod(st, device)?;
    fragment::resolve(env, st)?;
    route(env, pkt, &cx, st, device).map_err(Refusal::from)
}

/// Neighbour discovery and multicast listeners: nothing of it leaves the link.
#[inline(always)]
fn link_local<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    st: &State,
    gateway: Mac,
    gateway_addr: &Addr,
) -> Result<Action, Refusal> {
    match st.packet.kind {
        Kind::Solicitation => {
            let answered = link::answer_neighbour(pkt, st, gateway, |a| a == gateway_addr)?;
            if answered {
                return answer(env, pkt, true, Note::NeighbourAnswered, DropReason::InvalidPacket);
            }
            Err(Refusal::ignore(Note::LinkNoise))
        }
        Kind::LinkNoise => Err(Refusal::ignore(Note::LinkNoise)),
        Kind::Advertisement | Kind::Forbidden if !st.packet.is_v4() => {
            Err(DropReason::ForbiddenIcmpv6.into())
        }
        Kind::Forbidden => Err(DropReason::InvalidPacket.into()),
        _ => Err(DropReason::CtUnknownProtocol.into()),
    }
}

#[inline(always)]
fn answer<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    answered: bool,
    note: Note,
    otherwise: DropReason,
) -> Result<Action, Refusal> {
    if !answered {
        return Err(otherwise.into());
    }
    report::note(env, note, PLACE.direction, pkt.len());
    Ok(Action::answer(pkt.ifindex()))
}

/// Finds the destination, judges, and sends the packet on.
#[inline(always)]
fn route<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    device: &DeviceValue,
) -> Result<Action, DropReason> {
    let from = Local {
        endpoint_id: device.endpoint_id,
        identity: device.identity,
        incarnation: device.incarnation,
    };
    if let Some(pod) = env.endpoint(&st.packet.dst) {
        return to_local(env, pkt, cx, st, from, pod);
    }
    let place = target::locate(env, cx.config, st);
    source::check_tunnel(st, cx.config, place)?;
    let observation = match place {
        target::Place::Stale => return Err(DropReason::StaleAddress),
        target::Place::Host => Observation::ToHost,
        target::Place::RemotePod | target::Place::RemoteNode { ready: true }
            if target::is_overlay(cx.config) =>
        {
            Observation::ToOverlay
        }
        _ => Observation::ToStack,
    };
    let proof = leave(env, pkt, cx, st, from, observation)?;
    pkt.set_mark(mark::admitted(cx.config, device.identity));
    let to_overlay = matches!(observation, Observation::ToOverlay)
        && !forward::is_exceptional(pkt, cx.config, &st.packet);
    if to_overlay {
        forward::take_hop(pkt, &st.packet)?;
        return Ok(Action::to_device(cx.config.vxlan_ifindex, &proof));
    }
    pkt.set_to_host();
    Ok(Action::accept(&proof))
}

/// Judges the egress of a packet that leaves for anything but a pod of this node.
#[inline(always)]
fn leave<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    observation: Observation,
) -> Result<Admitted<Source>, DropReason> {
    if matches!(st.packet.kind, Kind::Error) {
        icmp::read_quoted(pkt, st)?;
        let proof = door::related_source(env, cx, st, from)?;
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(proof);
    }
    let (proof, passed) = door::source(env, cx, st, from)?;
    fragment::remember(env, st, cx.now);
    report::passed(env, pkt, st, &passed, Place { observation, ..PLACE });
    Ok(proof)
}

/// Judges both legs and puts the packet into the other pod.
#[inline(always)]
fn to_local<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    pod: &crate::abi::EndpointValue,
) -> Result<Action, DropReason> {
    let to = into_pod::ready(pod)?;
    st.dst_identity = pod.identity;
    let (out, into) = if matches!(st.packet.kind, Kind::Error) {
        icmp::read_quoted(pkt, st)?;
        let proofs = door::related_both(env, cx, st, from, to)?;
        report::forwarded(env, pkt, INTO_POD.direction);
        proofs
    } else {
        let (out, into, passed) = door::both(env, cx, st, from, to)?;
        fragment::remember(env, st, cx.now);
        st.endpoint_id = pod.endpoint_id;
        report::passed(env, pkt, st, &passed, INTO_POD);
        (out, into)
    };
    if forward::is_exceptional(pkt, cx.config, &st.packet) {
        pkt.set_mark(mark::admitted(cx.config, from.identity));
        pkt.set_to_host();
        return Ok(Action::accept(&out));
    }
    forward::prepare_for_pod(pkt, st, pod)?;
    Ok(Action::pod_to_pod(pod.ifindex, &out, &into))
}
