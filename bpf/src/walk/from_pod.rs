//! What a pod sends.

use super::{arrive, icmp, relay, standing};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Family, Note,
        Observation, device_flags, identity, mark as kinds,
    },
    balance::{self, deed, hairpin, served},
    door::{self, Action, Admitted, Context, Local, Receipt, Source, Tally},
    env::Env,
    forward, fragment,
    link::{self, Frame},
    mark,
    nat::{self, behind},
    packet::{
        ETHERNET, Kind, Mac, Packet,
        ip::{self, Extent},
        transport,
    },
    report::{self, Place, Refusal},
    source,
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Egress, observation: Observation::FromEndpoint };

/// Walks a packet that a pod sent. Most need no state, so it is fetched for those that do; without one a
/// packet is dropped.
#[inline(always)]
pub fn from_pod<'s, E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    state: impl FnOnce() -> Option<&'s mut State>,
) -> Action {
    if let Some(action) = standing::pod_to_pod(env, pkt) {
        return action;
    }
    let Some(st) = state() else { return Action::drop() };
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
    let cx = Context { config, revision, now: env.tick(), bytes: pkt.len(), tally: Tally::COUNT };
    if !matches!(st.packet.kind, Kind::Flow | Kind::Error) {
        return link_local(env, pkt, st, gateway, &config.gateway_v6);
    }
    source::check_pod(st, device)?;
    fragment::resolve(env, st)?;
    route(env, pkt, &cx, st, device)
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
) -> Result<Action, Refusal> {
    let exceptional = forward::is_exceptional(pkt, cx.config, &st.packet);
    let exceptional = env.blur(u32::from(exceptional), cx.bytes);
    st.decides = 1;
    match env.endpoint(&st.packet.dst) {
        Some(pod) => arrive::at_pod(st, pod)?,
        None => {
            let refusal = elsewhere(env, pkt, cx, st, exceptional);
            if refusal == u32::from(DropReason::NoBackend.code()) {
                return reject(env, pkt, st);
            }
            if refusal != 0 {
                return Err(refusal.into());
            }
        }
    }
    let mut deed = st.hairpin;
    let mut receipt = Receipt::default();
    if deed == 0 {
        icmp::read_if_error(pkt, st)?;
        receipt = arrive::judge(env, pkt, cx, st, Local::from(device))?;
        deed = balance::deed_of(st, receipt.has_service());
        // The kernel answers such a packet, and the pod must know what of: shown when it leaves, if it does.
        let is_kernels = env.blur(exceptional, cx.bytes) != 0 && !arrive::is_at_pod(st);
        deed = if deed == deed::SHOW && is_kernels { 0 } else { deed };
    }
    let (deed, receipt) = (env.blur(deed, cx.bytes), receipt.blurred(env, cx.bytes));
    if deed != 0 {
        // A copy: what is found out about it there, the verifier would remember here.
        let refusal = balance::translate(env, pkt, cx, st, env.blur(deed, cx.bytes));
        if refusal != 0 {
            return Err(refusal.into());
        }
    }
    if st.hairpin != 0 {
        let (source, destination) = door::to_itself(&Local::from(device), &st.to)?;
        report::forwarded(env, pkt, Direction::Ingress);
        forward::prepare_for_pod(pkt, st)?;
        return Ok(Action::pod_to_pod(st.entrance.ifindex, &source, &destination));
    }
    let source = receipt.source()?;
    if arrive::is_at_pod(st) && exceptional == 0 {
        let destination = receipt.destination()?;
        forward::prepare_for_pod(pkt, st)?;
        return Ok(Action::pod_to_pod(st.entrance.ifindex, &source, &destination));
    }
    if deed == deed::SHOW && !matches!(st.place.observation, Observation::ToHost) {
        return show_outside(pkt, cx, st, &source);
    }
    pkt.set_mark(mark::admitted(cx.config, device.identity));
    match st.place.observation {
        Observation::ToOverlay => {
            forward::take_hop(pkt, &st.packet)?;
            Ok(Action::to_device(cx.config.vxlan_ifindex, &source))
        }
        Observation::ToNetwork => {
            forward::take_hop(pkt, &st.packet)?;
            Ok(Action::to_neighbour(st.node_device, &source))
        }
        Observation::ToHost => {
            let refusal = if st.answers == 0 { 0 } else { relay::reveal(env, pkt, cx, st) };
            if refusal != 0 {
                return Err(refusal.into());
            }
            pkt.set_to_host();
            Ok(Action::pod_to_host(&source, &receipt.host(st, Direction::Ingress)?))
        }
        _ => {
            pkt.set_to_host();
            Ok(Action::accept(&source))
        }
    }
}

/// Sends an answer to a client beyond this node: it comes from the service's address by now, at which no
/// program shall look again. Over the overlay go those to pods of other nodes, which know no services here
/// but by an address of this node.
#[inline(always)]
fn show_outside<P: Packet>(
    pkt: &P,
    cx: &Context<'_>,
    st: &State,
    source: &Admitted<Source>,
) -> Result<Action, Refusal> {
    let device = pkt.route(&st.packet.dst).device().ok_or(DropReason::FibLookupFailed)?;
    forward::take_hop(pkt, &st.packet)?;
    if device == cx.config.vxlan_ifindex {
        pkt.set_mark(mark::admitted(cx.config, identity::REMOTE_NODE));
        return Ok(Action::to_device(device, source));
    }
    pkt.set_mark(mark::of_kind(cx.config, kinds::SNAT_DONE));
    Ok(Action::to_neighbour(device, source))
}

/// Finds the destination of a packet that is not for the address of a pod of this node: it may still be
/// for one, behind a service. Returns 0 or the code of a [`DropReason`]. Out of line: the verifier then
/// forgets by which of its many ways a packet came through.
#[inline(never)]
fn elsewhere<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    exceptional: u32,
) -> u32 {
    let refusal = match aim(env, pkt, cx, st, exceptional) {
        Ok(()) => 0,
        Err(code) => code,
    };
    env.blur(refusal, cx.bytes)
}

#[inline(always)]
fn aim<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    exceptional: u32,
) -> Result<(), u32> {
    let code = |reason: DropReason| u32::from(reason.code());
    if st.packet.dst == *hairpin::address(cx.config, &st.packet) {
        let own = env.endpoint(&st.packet.src).ok_or(code(DropReason::StaleAddress))?;
        st.hairpin = deed::TURN_BACK;
        return arrive::at_pod(st, own).map_err(code);
    }
    let mut place = env.blur(target::locate(env, cx.config, st).bits(), cx.bytes);
    // A copy to look at: the verifier shall not remember by which place a packet came through.
    let seen = target::Place::from_bits(env.blur(place, cx.bytes));
    if seen.may_be_service() {
        let at_node = env.blur(u32::from(seen.is_node()), cx.bytes);
        match balance::serve(env, cx, st, at_node) {
            served::NO => {}
            served::YES => {
                if let Some(pod) = env.endpoint(&st.packet.dst) {
                    if st.packet.dst == st.packet.src {
                        st.hairpin = deed::TURN;
                    }
                    return arrive::at_pod(st, pod).map_err(code);
                }
                place = target::locate(env, cx.config, st).bits();
            }
            refusal => return Err(refusal),
        }
    }
    let is_host = place == target::Place::Host.bits();
    // The host may speak with services from an address that the cluster does not know it by. Sockets of TCP do not.
    let is_unknown = place == target::Place::World.bits() && st.packet.proto != transport::TCP;
    if (is_host || is_unknown) && icmp::read_if_error(pkt, st).is_ok() {
        let found = nat::untranslate(env, cx, st, 0);
        let is_client = found == behind::CLIENT && st.turns == 0;
        st.answers = u32::from(is_client && (is_host || st.here != 0));
    }
    if is_unknown && st.answers != 0 {
        st.dst_identity = identity::HOST;
        place = target::Place::Host.bits();
    }
    let place = target::Place::from_bits(env.blur(place, cx.bytes));
    let observation = beyond(env, pkt, cx.config, st, place, exceptional != 0).map_err(code)?;
    st.place = Place { observation, ..PLACE };
    st.to = host(env, pkt, st);
    Ok(())
}

/// Drops a packet to a service that nobody serves, and tells the pod.
#[inline(always)]
fn reject<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<Action, Refusal> {
    report::refused(env, pkt, st, DropReason::NoBackend, PLACE);
    Ok(if balance::reject(pkt, st, 0) == 0 {
        Action::answer(pkt.ifindex())
    } else {
        Action::drop()
    })
}

/// Returns the host, if it is protected and the packet may end there.
#[inline(always)]
fn host<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Local {
    door::host(env, st);
    match st.place.observation {
        Observation::ToHost => Local::from(&st.host),
        // An address of the host that nobody has told the agent of: the stack would take it.
        Observation::ToStack if door::is_protected(st) && pkt.route(&st.packet.dst).ends() => {
            st.place.observation = Observation::ToHost;
            Local::from(&st.host)
        }
        _ => Local::NONE,
    }
}

/// Returns the node device by which a packet leaves. Only there a program sees it go; by other routes
/// it goes through the stack.
#[inline(always)]
fn node_device<E: Env, P: Packet>(env: &E, pkt: &P, dst: &Addr) -> Option<u32> {
    let ifindex = pkt.route(dst).device()?;
    let device = env.device(ifindex)?;
    (device.kind == DeviceKind::Node as u32).then_some(ifindex)
}

/// Finds out by which way a packet leaves that is for no pod of this node.
#[inline(always)]
fn beyond<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
    place: target::Place,
    exceptional: bool,
) -> Result<Observation, DropReason> {
    source::check_tunnel(st, config, place)?;
    match place {
        target::Place::Stale => Err(DropReason::StaleAddress),
        target::Place::Host => Ok(Observation::ToHost),
        _ if exceptional => Ok(Observation::ToStack),
        target::Place::RemotePod | target::Place::RemoteNode { ready: true }
            if target::is_overlay(config) =>
        {
            Ok(Observation::ToOverlay)
        }
        _ => match node_device(env, pkt, &st.packet.dst) {
            Some(ifindex) => {
                st.node_device = ifindex;
                Ok(Observation::ToNetwork)
            }
            None => Ok(Observation::ToStack),
        },
    }
}
