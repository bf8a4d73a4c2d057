//! What leaves the node.

use super::icmp;
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, Direction, DropReason, EndpointValue, Family,
        Observation, config_flags, mark as kinds,
    },
    door::{self, Action, Context, Local, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    mark,
    nat::{self, Change, Field, Translation},
    packet::{
        ETHERNET, Kind, Packet,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Egress, observation: Observation::ToNetwork };

/// Walks a packet that leaves by a node device.
#[inline(always)]
pub fn to_netdev<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
    st.reset();
    let result = walk(env, pkt, st);
    report::conclude(env, pkt, st, result, PLACE)
}

#[inline(always)]
fn walk<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<Action, Refusal> {
    let Ok(Frame::Ip(family)) = link::read(pkt, st) else {
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(Action::link());
    };
    let config = env.config().filter(|config| config.abi_version == ABI_VERSION);
    let kind = config.map_or(kinds::NONE, |config| mark::kind(config, pkt.mark()));
    if kind == kinds::OVERLAY || kind == kinds::SNAT_DONE {
        let proof = door::vouched(env, st)?;
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(Action::accept(&proof));
    }
    if let Err(reason) = ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet) {
        // A pod's packets were parsed before; the host may send what it likes.
        return if kind == kinds::POD { Err(reason.into()) } else { host(env, pkt, st) };
    }
    let Some(pod) = env.endpoint(&st.packet.src) else {
        if kind == kinds::POD && env.endpoint(&st.packet.dst).is_none() {
            return stale(env, pkt, config, st);
        }
        return host(env, pkt, st);
    };
    let config = config.ok_or(DropReason::NoConfiguration)?;
    let device = env
        .device(pkt.ifindex())
        .filter(|d| d.kind == DeviceKind::Node as u32)
        .ok_or(DropReason::NoConfiguration)?;
    let node = match family {
        Family::V4 => device.addr_v4,
        Family::V6 => device.addr_v6,
    };
    fragment::resolve(env, st)?;
    pod_out(env, pkt, config, st, pod, &node)
}

/// A marked packet whose source is no pod of this node any more: late packets of a deleted pod.
/// Others with a mark are the kernel's forwarded ones from elsewhere.
#[inline(always)]
fn stale<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: Option<&Config>,
    st: &mut State,
) -> Result<Action, Refusal> {
    let src = st.packet.src;
    let own = config.map_or(0, |config| config.node_id);
    match target::owner(env, st, &src) {
        Some(owner) if owner.node_id == own => Err(DropReason::StaleAddress.into()),
        _ => host(env, pkt, st),
    }
}

#[inline(always)]
fn host<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<Action, Refusal> {
    let proof = door::host(env, st, Direction::Egress, st.dst_identity)?;
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}

/// A packet of a pod of this node.
#[inline(always)]
fn pod_out<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
    pod: &EndpointValue,
    node: &Addr,
) -> Result<Action, Refusal> {
    let cx = Context {
        config,
        revision: env.revision(),
        now: env.now(),
        bytes: pkt.len(),
        tally: Tally::Again,
    };
    let from = Local::from(pod);
    st.src_identity = from.identity;
    st.endpoint_id = from.endpoint_id;
    let place = target::locate(env, config, st);
    let translate = must_translate(config, st, place)?;
    if matches!(st.packet.kind, Kind::Error) {
        return error_out(env, pkt, &cx, st, from, node);
    }
    let receipt = door::pass(env, &cx, st, from, Local::NONE)?;
    let proof = receipt.source()?;
    fragment::remember(env, st, cx.now);
    if translate && !receipt.is_reply() {
        let to = nat::translate_flow(env, &cx, st, node)?;
        let (addr, port) = st.packet.source();
        st.change = Change { field: Field::Source, from: Translation { addr, port }, to };
        nat::rewrite(pkt, st)?;
        pkt.set_mark(mark::of_kind(config, kinds::SNAT_DONE));
    }
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}

/// Tells whether the destination must not see the pod's own address.
#[inline(always)]
fn must_translate(config: &Config, st: &State, place: target::Place) -> Result<bool, DropReason> {
    let flag = if st.packet.is_v4() { config_flags::SNAT_V4 } else { config_flags::SNAT_V6 };
    Ok(match place {
        target::Place::World => config.flags & flag != 0,
        // Over the underlay only if that node does not take it over the overlay, or not yet.
        target::Place::RemoteNode { ready } => !ready || target::is_overlay(config),
        // Between nodes pods speak over the overlay when there is one.
        target::Place::RemotePod if target::is_overlay(config) => {
            return Err(DropReason::NoTunnelEndpoint);
        }
        target::Place::RemotePod | target::Place::Host => false,
        target::Place::Stale => return Err(DropReason::StaleAddress),
    })
}

/// An ICMP error of a pod about a packet that came to it: if the connection is translated, the
/// other end knows only the translation.
#[inline(always)]
fn error_out<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    node: &Addr,
) -> Result<Action, Refusal> {
    icmp::read_if_error(pkt, st)?;
    let proof = door::related(env, cx, st, from, Local::NONE)?.source()?;
    // The key of the quoted connection is in the state.
    if let Some(to) = nat::current(env, st, node) {
        let (addr, port) = st.quoted.destination();
        st.change = Change { field: Field::Source, from: Translation { addr, port }, to };
        nat::rewrite(pkt, st)?;
        pkt.set_mark(mark::of_kind(cx.config, kinds::SNAT_DONE));
    }
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}
