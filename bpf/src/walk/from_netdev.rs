//! What the node receives from the underlay.

use super::{
    arrive,
    relay::{self, way},
};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Observation,
        frontend_scope, ipcache_flags, mark as kinds,
    },
    balance::{self, deed, entered},
    door::{self, Action, Context, Local, Receipt, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    mark,
    nat::{self, behind},
    packet::{
        ETHERNET, Packet,
        ip::{self, Extent},
        transport,
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
    if let Some(config) = config
        && mark::kind(config, pkt.mark()) == kinds::RETURNED
        && let Some(proof) = door::vouched(config, pkt.mark())
    {
        pkt.set_mark(0);
        return Ok(Action::accept(&proof));
    }
    if let Some(config) = config
        && mark::kind(config, pkt.mark()) == kinds::HANDED_ON
    {
        st.handed_on = mark::identity(pkt.mark());
        pkt.set_mark(0);
        pkt.set_to_host();
    }
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
        now: env.tick(),
        bytes: pkt.len(),
        tally: Tally::COUNT,
    };
    let own = u32::from(is_own(device, &st.packet.dst));
    let aim = aim(env, pkt, &cx, st, own);
    let mut deed = 0;
    match aim {
        aim::BEYOND => return pass_on(env, pkt),
        aim::REFUSED => return Ok(relay::refuse(env, pkt, st, 0)),
        aim::HOST => {
            let unasked = door::unprotected(st)
                .or_else(|| door::link_protocol(&st.packet))
                .or_else(|| door::tunnelled(env, config, st));
            if let Some(proof) = unasked {
                report::forwarded(env, pkt, PLACE.direction);
                return Ok(Action::accept(&proof));
            }
            arrive::read(env, pkt, st)?;
            arrive::at_host(st);
        }
        aim::POD => {}
        aim::TRANSLATED_POD => deed = deed::UNTRANSLATE,
        aim::CLIENT if relay::is_beyond(st) => return relay::back(env, pkt, &cx, st, PLACE),
        aim::CLIENT => {
            arrive::at_host(st);
            deed = deed::PASS_BACK;
        }
        aim::SERVICE => {
            // What protects the host has its say about the port that the client sees.
            if door::is_protected(st) && own != 0 {
                arrive::at_host(st);
                arrive::judge(env, pkt, &cx, st, Local::NONE)?;
            }
            st.own = if st.packet.is_v4() { device.addr_v4 } else { device.addr_v6 };
            balance::aim_at_backend(env, st, cx.now);
            match way(env, pkt, &cx, st) {
                way::POD => deed = deed::SERVE,
                // The client's own node balances all but the ports of pods here.
                _ if st.handed_on != 0 => return Err(DropReason::UnknownTarget.into()),
                way::HOST => {
                    arrive::at_host(st);
                    deed = deed::PASS_ON;
                }
                way => return relay::forth(env, pkt, &cx, st, way),
            }
        }
        refusal => return Err(refusal.into()),
    }
    // The verifier shall walk the rest once.
    let deed = env.blur(deed, cx.bytes);
    let aim = env.blur(aim, cx.bytes);
    if aim != aim::HOST && deed != deed::PASS_ON && deed != deed::PASS_BACK {
        let pod = env.endpoint(&st.packet.dst).ok_or(DropReason::StaleAddress)?;
        arrive::at_pod(st, pod)?;
        st.decides = 1;
    }
    let mut receipt = Receipt::default();
    if arrive::is_at_pod(st) || door::is_protected(st) {
        receipt = arrive::judge(env, pkt, &cx, st, Local::NONE)?;
    }
    if deed != 0 {
        let refusal = relay::translate(env, pkt, &cx, st, deed);
        if refusal != 0 {
            return Err(refusal.into());
        }
    }
    if !arrive::is_at_pod(st) {
        return Ok(Action::accept(&receipt.host(st, PLACE.direction)?));
    }
    arrive::deliver(env, pkt, &cx, st, receipt)
}

/// Where a packet goes: one of these, or the code of a [`DropReason`].
mod aim {
    /// To the host itself.
    pub(super) const HOST: u32 = 0;
    /// To a pod of this node.
    pub(super) const POD: u32 = 1;
    /// To a pod of this node that the sender knows by the node's address.
    pub(super) const TRANSLATED_POD: u32 = 2;
    /// To a service.
    pub(super) const SERVICE: u32 = 3;
    /// To a service that nobody serves.
    pub(super) const REFUSED: u32 = 4;
    /// To a client of a service that the sender knows by the node's address.
    pub(super) const CLIENT: u32 = 5;
    /// To somebody else, by the stack.
    pub(super) const BEYOND: u32 = 6;
}

/// Finds out where a packet goes, and who sent it. Out of line: the verifier then forgets by which of its
/// many ways a packet came through. `own` is not 0 if the destination is the device's own address.
#[inline(never)]
fn aim<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State, own: u32) -> u32 {
    let code = match target(env, pkt, cx, st, own != 0) {
        Ok(aim) => aim,
        Err(reason) => reason.code().into(),
    };
    env.blur(code, cx.bytes)
}

#[inline(always)]
fn target<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    is_own: bool,
) -> Result<u32, DropReason> {
    let dst = st.packet.dst;
    if ip::is_group(&dst) || ip::is_link_local_v6(&dst) {
        st.src_identity = stranger(env, st);
        return Ok(aim::HOST);
    }
    st.src_identity = sender(env, pkt, cx.config, st)?;
    if !is_own && env.endpoint(&dst).is_some() {
        arrive::read(env, pkt, st)?;
        return Ok(aim::POD);
    }
    let place = if is_own { target::Place::Host } else { target::locate(env, cx.config, st) };
    let place = env.blur(place.bits(), cx.bytes);
    // Copies to look at: the verifier shall not remember by which place a packet came through.
    let is = |other: target::Place| env.blur(place, cx.bytes) == other.bits();
    if is(target::Place::Stale) {
        return Err(DropReason::StaleAddress);
    }
    if is(target::Place::Host) || is(target::Place::World) {
        match arrive::read(env, pkt, st) {
            Ok(()) if is_tunnel(cx.config, st) => fragment::remember(env, st, cx.now),
            Ok(()) => match translated(env, cx, st, is(target::Place::Host)) {
                aim::HOST => {}
                aim => return Ok(aim),
            },
            // It is nobody's business unless somebody is protected.
            Err(reason) if door::is_protected(st) => return Err(reason),
            Err(_) => {}
        }
    }
    // An address of the host that nobody has told the agent of.
    let unknown = is(target::Place::World) && door::is_protected(st) && pkt.route(&dst).ends();
    Ok(if is(target::Place::Host) || unknown { aim::HOST } else { aim::BEYOND })
}

/// Finds out whether a packet is for somebody whom the sender knows by another address.
#[inline(always)]
fn translated<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, is_host: bool) -> u32 {
    if is_host {
        match nat::untranslate(env, cx, st, 0) {
            behind::POD => return aim::TRANSLATED_POD,
            behind::CLIENT => return aim::CLIENT,
            _ => {}
        }
    }
    match balance::enter(env, cx, st, frontend_scope::EXTERNAL.into()) {
        entered::NO => aim::HOST,
        entered::YES => aim::SERVICE,
        entered::REFUSED => aim::REFUSED,
        refusal => refusal,
    }
}

/// Tells whether a packet is one of the overlay: what is inside may be for a service, but not itself.
#[inline(always)]
fn is_tunnel(config: &Config, st: &State) -> bool {
    let p = &st.packet;
    target::is_overlay(config)
        && p.proto == transport::UDP
        && u32::from(p.dport) == config.vxlan_port
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
    if st.handed_on != 0 {
        return Ok(st.handed_on);
    }
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
