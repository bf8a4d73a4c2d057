//! What the node receives from the underlay.

use super::{arrive, icmp};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Observation,
        ipcache_flags,
    },
    door::{self, Action, Context, Local, Tally},
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
    let config = env.config().filter(|config| config.abi_version == ABI_VERSION);
    // Before the first configuration there is nothing to protect it by.
    if config.is_some() {
        door::host(env, st);
    }
    if let Err(reason) = ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet) {
        // The stack refuses it, too, and to_pod does if it goes to a pod.
        return if door::is_protected(st) { Err(reason.into()) } else { pass_on(env, pkt) };
    }
    let device = env.device(pkt.ifindex()).filter(|d| d.kind == DeviceKind::Node as u32);
    let (Some(config), Some(device)) = (config, device) else {
        let asks = env.endpoint(&st.packet.dst).is_some() || door::is_protected(st);
        return if asks { Err(DropReason::NoConfiguration.into()) } else { pass_on(env, pkt) };
    };
    let cx = Context {
        config,
        revision: env.revision(),
        now: env.now(),
        bytes: pkt.len(),
        tally: Tally::Count,
    };
    match aim(env, pkt, &cx, st, device)? {
        Aim::Beyond => return pass_on(env, pkt),
        Aim::Host => {
            let unasked = door::unprotected(st)
                .or_else(|| door::link_protocol(&st.packet))
                .or_else(|| door::tunnelled(env, config, st));
            if let Some(proof) = unasked {
                report::forwarded(env, pkt, PLACE.direction);
                return Ok(Action::accept(&proof));
            }
            arrive::at_host(st);
        }
        Aim::Pod | Aim::TranslatedPod => {
            let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
            arrive::at_pod(st, pod)?;
        }
    }
    // To translate takes all of this.
    if st.translated.is_zero() {
        arrive::read(env, pkt, st)?;
    }
    let receipt = arrive::judge(env, pkt, &cx, st, Local::NONE)?;
    if !arrive::is_at_pod(st) {
        return Ok(Action::accept(&receipt.host(st, PLACE.direction)?));
    }
    if !st.translated.is_zero() {
        nat::rewrite(pkt, st)?;
        nat::refresh_sums(pkt, st);
    }
    arrive::deliver(pkt, &cx, st, receipt)
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// To the host itself.
    Host,
    /// To a pod of this node.
    Pod,
    /// To a pod of this node that the sender knows by the node's address.
    TranslatedPod,
    /// To somebody else, by the stack.
    Beyond,
}

/// Finds out where a packet goes, and who sent it.
#[inline(always)]
fn aim<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    device: &DeviceValue,
) -> Result<Aim, DropReason> {
    let dst = st.packet.dst;
    if ip::is_group(&dst) || ip::is_link_local_v6(&dst) {
        st.src_identity = stranger(env, st);
        return Ok(Aim::Host);
    }
    st.src_identity = sender(env, pkt, cx.config, st)?;
    if !is_own(device, &dst) {
        if env.endpoint(&dst).is_some() {
            return Ok(Aim::Pod);
        }
        match target::locate(env, cx.config, st) {
            target::Place::Host => {}
            target::Place::Stale => return Err(DropReason::StaleAddress),
            // An address of the host that nobody has told the agent of.
            target::Place::World if door::is_protected(st) && pkt.route(&dst).ends() => {
                return Ok(Aim::Host);
            }
            _ => return Ok(Aim::Beyond),
        }
    }
    Ok(if untranslate(env, pkt, cx, st) { Aim::TranslatedPod } else { Aim::Host })
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
        if target::is_overlay(config) || pkt.route(&src).device() != Some(pkt.ifindex()) {
            return Err(DropReason::InvalidSourceIp);
        }
    }
    Ok(owner.identity)
}

/// Returns the identity of a sender on the link, whose address proves nothing.
#[inline(always)]
fn stranger<E: Env>(env: &E, st: &mut State) -> u32 {
    let src = st.packet.src;
    match target::owner(env, st, &src) {
        Some(owner) if owner.node_id == 0 || owner.flags & ipcache_flags::NODE != 0 => {
            owner.identity
        }
        _ => target::world(&st.packet),
    }
}

/// Lets the stack have the packet: it concerns no pod and no host that is protected.
#[inline(always)]
fn pass_on<E: Env, P: Packet>(env: &E, pkt: &P) -> Result<Action, Refusal> {
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&door::transit()))
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
    st.translated = node.0;
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
