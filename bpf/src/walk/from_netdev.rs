//! What the node receives from the underlay.

use super::{icmp, into_pod};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Observation,
        ipcache_flags,
    },
    door::{self, Action, Context, Local, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    nat::{self, Field, Original},
    packet::{
        ETHERNET, Fragment, Kind, Packet, Parsed,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Ingress, observation: Observation::FromNetwork };

/// Walks a packet that came in by a node device.
#[inline(always)]
pub fn from_netdev<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
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
    // What cannot be parsed here the stack refuses, and to_pod does if it goes to a pod.
    if ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet).is_err() {
        return host(env, pkt, st);
    }
    let config = env.config().filter(|config| config.abi_version == ABI_VERSION);
    let device = env.device(pkt.ifindex()).filter(|d| d.kind == DeviceKind::Node as u32);
    let (Some(config), Some(device)) = (config, device) else {
        if env.endpoint(&st.packet.dst).is_some() {
            return Err(DropReason::NoConfiguration.into());
        }
        return host(env, pkt, st);
    };
    let dst = st.packet.dst;
    if ip::is_group(&dst) || ip::is_link_local_v6(&dst) {
        return host(env, pkt, st);
    }
    let cx = Context {
        config,
        revision: env.revision(),
        now: env.now(),
        bytes: pkt.len(),
        tally: Tally::Count,
    };
    st.src_identity = sender(env, pkt, config, st)?;
    if is_own(device, &dst) {
        return to_node(env, pkt, &cx, st);
    }
    if env.endpoint(&dst).is_some() {
        fragment::resolve(env, st)?;
        return into(env, pkt, &cx, st);
    }
    match target::locate(env, config, st) {
        target::Place::Host => to_node(env, pkt, &cx, st),
        target::Place::Stale => Err(DropReason::StaleAddress.into()),
        _ => host(env, pkt, st),
    }
}

#[inline(always)]
fn is_own(device: &DeviceValue, addr: &Addr) -> bool {
    *addr == device.addr_v4 || *addr == device.addr_v6
}

/// Returns the identity of the sender, or refuses sources that cannot come from here.
#[inline(always)]
fn sender<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
) -> Result<u32, DropReason> {
    let src = st.packet.src;
    let Some(owner) = target::owner(env, st, &src) else { return Ok(target::world(&st.packet)) };
    if owner.node_id == 0 {
        return Ok(owner.identity);
    }
    if owner.node_id == config.node_id {
        return Err(DropReason::InvalidSourceIp);
    }
    if owner.flags & ipcache_flags::NODE == 0 {
        // A pod's address: in overlay mode it comes over the overlay and no other way.
        if target::is_overlay(config) || pkt.route_device(&src) != Some(pkt.ifindex()) {
            return Err(DropReason::InvalidSourceIp);
        }
    }
    Ok(owner.identity)
}

/// Lets the packet go on to the host.
#[inline(always)]
fn host<E: Env, P: Packet>(env: &E, pkt: &P, st: &State) -> Result<Action, Refusal> {
    let proof = door::host(env, Direction::Ingress, st.src_identity, &st.packet)?;
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}

/// A packet to the node's own address: of a translated connection, or for the host.
#[inline(always)]
fn to_node<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> Result<Action, Refusal> {
    if matches!(st.packet.kind, Kind::Error) {
        return error_to_node(env, pkt, cx, st);
    }
    if !matches!(st.packet.kind, Kind::Flow) || fragment::resolve(env, st).is_err() {
        return host(env, pkt, st);
    }
    let p = &st.packet;
    if !nat::may_be_translated(cx.config, p, p.dport) {
        return host(env, pkt, st);
    }
    let (protocol, node, other) = ((p.proto, p.type_class), p.destination(), p.source());
    let Some(original) = nat::find_original(env, st, protocol, node, other) else {
        return host(env, pkt, st);
    };
    // Later fragments come with the node's address too.
    fragment::remember(env, st, cx.now);
    st.before = st.packet;
    st.translated = st.packet.dst;
    set_destination(&mut st.packet, &original);
    let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
    let local = into_pod::ready(pod)?;
    st.packet.fragment = whole(st.before.fragment);
    let proof = into_pod::judge(env, pkt, cx, st, local)?;
    nat::rewrite(pkt, &st.before, Field::Destination, &original.addr, original.port)?;
    refresh_sum(pkt, st);
    Ok(into_pod::deliver(pkt, cx, st, pod, &proof)?)
}

/// The first fragment is remembered under the address it came with, once.
#[inline(always)]
fn whole(fragment: Fragment) -> Fragment {
    if matches!(fragment, Fragment::First) { Fragment::Whole } else { fragment }
}

#[inline(always)]
fn set_destination(p: &mut Parsed, original: &Original) {
    p.dst = original.addr;
    if p.type_class != 0 {
        p.sport = original.port;
    }
    p.dport = original.port;
}

/// Reads the header checksum again, which the translation changed and the next hop needs.
#[inline(always)]
fn refresh_sum<P: Packet>(pkt: &P, st: &mut State) {
    use crate::packet::Window;
    if st.packet.is_v4()
        && let Some(w) = pkt.window::<20>(st.packet.l3)
    {
        st.packet.header_sum = w.be16::<10>();
    }
}

/// An ICMP error to the node's own address: about a translated connection, or for the host.
#[inline(always)]
fn error_to_node<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> Result<Action, Refusal> {
    if icmp::read_quoted(pkt, st).is_err() || st.quoted.src != st.packet.dst {
        return host(env, pkt, st);
    }
    let q = &st.quoted;
    if matches!(q.fragment, Fragment::Later) || !nat::may_be_translated(cx.config, q, q.sport) {
        return host(env, pkt, st);
    }
    let (protocol, node, other) = ((q.proto, q.type_class), q.source(), q.destination());
    let Some(original) = nat::find_original(env, st, protocol, node, other) else {
        return host(env, pkt, st);
    };
    let pod = env.endpoint(&original.addr).ok_or(DropReason::StaleAddress)?;
    let local = into_pod::ready(pod)?;
    st.before = st.quoted;
    let node = st.packet.dst;
    st.packet.dst = original.addr;
    st.quoted.src = original.addr;
    st.quoted.sport = original.port;
    if st.quoted.type_class != 0 {
        st.quoted.dport = original.port;
    }
    st.endpoint_id = local.endpoint_id;
    st.dst_identity = local.identity;
    let receipt = door::related(env, cx, st, Local::NONE, local)?;
    let proof = receipt.destination()?;
    report::forwarded(env, pkt, PLACE.direction);
    st.packet.dst = node;
    let (field, port) = (Field::Destination, original.port);
    nat::rewrite_error(pkt, &st.packet, &st.before, field, &original.addr, port)?;
    st.packet.dst = original.addr;
    refresh_sum(pkt, st);
    Ok(into_pod::deliver(pkt, cx, st, pod, &proof)?)
}

/// A packet that names a pod of this node.
#[inline(always)]
fn into<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> Result<Action, Refusal> {
    let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
    let local = into_pod::ready(pod)?;
    let proof = into_pod::judge(env, pkt, cx, st, local)?;
    Ok(into_pod::deliver(pkt, cx, st, pod, &proof)?)
}
