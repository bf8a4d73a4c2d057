//! What the node receives from the underlay.

use super::{icmp, into_pod};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Observation,
        ipcache_flags,
    },
    door::{self, Action, Context, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    nat::{self, Change, Field, Translation},
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
    let translated = if is_own(device, &dst) {
        true
    } else if env.endpoint(&dst).is_some() {
        false
    } else {
        match target::locate(env, config, st) {
            target::Place::Host => true,
            target::Place::Stale => return Err(DropReason::StaleAddress.into()),
            _ => return host(env, pkt, st),
        }
    };
    if translated {
        if !untranslate(env, pkt, &cx, st) {
            return host(env, pkt, st);
        }
    } else {
        fragment::resolve(env, st)?;
        icmp::read_if_error(pkt, st)?;
    }
    into(env, pkt, &cx, st, translated)
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
fn host<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Result<Action, Refusal> {
    let proof = door::host(env, st, Direction::Ingress, st.src_identity)?;
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}

/// Finds the pod behind a packet to the node's own address, and lets [`State::packet`] say what the
/// pod shall see; [`State::change`] is then due. Returns false if the packet is for the host.
#[inline(always)]
fn untranslate<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> bool {
    let error = matches!(st.packet.kind, Kind::Error);
    if error {
        let readable = icmp::read_if_error(pkt, st).is_ok();
        if !readable || st.quoted.src != st.packet.dst || is_later(&st.quoted) {
            return false;
        }
    } else if !matches!(st.packet.kind, Kind::Flow) || fragment::resolve(env, st).is_err() {
        return false;
    }
    // An error quotes what the pod had sent.
    let (p, (node, other)) = if error {
        (&st.quoted, (st.quoted.source(), st.quoted.destination()))
    } else {
        (&st.packet, (st.packet.destination(), st.packet.source()))
    };
    let protocol = (p.proto, p.type_class);
    if !nat::may_be_translated(cx.config, p, node.1) {
        return false;
    }
    let Some(original) = nat::find_original(env, st, protocol, node, other) else { return false };
    let from = Translation { addr: node.0, port: node.1 };
    st.change = Change { field: Field::Destination, from, to: original };
    if error {
        st.packet.dst = original.addr;
        set_end(&mut st.quoted, original, Field::Source);
    } else {
        // Later fragments come with the node's address, too: remembered once, and so.
        fragment::remember(env, st, cx.now);
        if matches!(st.packet.fragment, Fragment::First) {
            st.packet.fragment = Fragment::Whole;
        }
        st.translated = node.0;
        set_end(&mut st.packet, original, Field::Destination);
    }
    true
}

#[inline(always)]
fn is_later(p: &Parsed) -> bool {
    matches!(p.fragment, Fragment::Later)
}

#[inline(always)]
fn set_end(p: &mut Parsed, end: Translation, field: Field) {
    let exchange = p.type_class != 0;
    match field {
        Field::Source => (p.src, p.sport) = (end.addr, end.port),
        Field::Destination => (p.dst, p.dport) = (end.addr, end.port),
    }
    // Both ports of an ICMP exchange are its identifier.
    if exchange {
        (p.sport, p.dport) = (end.port, end.port);
    }
}

/// Reads the header checksum again, which the translation changed and the next hop needs.
#[inline(always)]
fn refresh_sum<P: Packet>(pkt: &P, st: &mut State) {
    use crate::packet::Window;
    if st.packet.is_v4()
        && let Some(w) = pkt.window::<20>(st.packet.l3)
    {
        st.packet.header_sum = w.be16::<10>();
        st.packet.hop_word = w.raw32::<8>();
    }
}

/// A packet for a pod of this node.
#[inline(always)]
fn into<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    translated: bool,
) -> Result<Action, Refusal> {
    let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
    let local = into_pod::ready(pod)?;
    let proof = into_pod::judge(env, pkt, cx, st, local)?;
    if translated {
        nat::rewrite(pkt, st)?;
        refresh_sum(pkt, st);
    }
    Ok(into_pod::deliver(pkt, cx, st, pod, &proof)?)
}
