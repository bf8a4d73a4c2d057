//! What leaves the node.

use super::{arrive, own};
use crate::{
    abi::{
        ABI_VERSION, Addr, Config, DeviceKind, DeviceValue, Direction, DropReason, Observation,
        config_flags, mark as kinds,
    },
    door::{self, Action, Context, Local, Receipt, Tally},
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
    if let (Some(config), kinds::OVERLAY | kinds::SNAT_DONE) = (config, kind)
        && let Some(proof) = door::vouched(config, pkt.mark())
    {
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(Action::accept(&proof));
    }
    // What has come in goes on between others. Before the first configuration there is nothing to
    // protect the host by.
    if config.is_some() && pkt.ingress_ifindex() == 0 {
        door::host(env, st);
    }
    if let Err(reason) = ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet) {
        // A pod's packets were parsed before; a host may send what it likes unless policies ask.
        let asks = kind == kinds::POD || door::is_protected(st);
        return if asks { Err(reason.into()) } else { pass_on(env, pkt) };
    }
    let device = env.device(pkt.ifindex()).filter(|d| d.kind == DeviceKind::Node as u32);
    let (Some(config), Some(device)) = (config, device) else {
        let asks = env.endpoint(&st.packet.src).is_some() || door::is_protected(st);
        return if asks { Err(DropReason::NoConfiguration.into()) } else { pass_on(env, pkt) };
    };
    // Before anything that it covers.
    let revision = env.revision();
    let refusal = sender(env, config, st);
    if refusal != 0 {
        return Err(refusal.into());
    }
    if !st.from.is_pod() && kind == kinds::POD && env.endpoint(&st.packet.dst).is_none() {
        return stale(env, pkt, config, st);
    }
    // A pod's packets were counted when it sent them.
    let tally = if st.from.is_pod() { Tally::AGAIN } else { Tally::COUNT };
    let tally = tally.blurred(env, pkt.len());
    let cx = Context { config, revision, now: env.tick(), bytes: pkt.len(), tally };
    if st.from.is_pod() {
        let receipt = judge(env, pkt, &cx, st)?;
        return pod_out(env, pkt, &cx, st, device, receipt);
    }
    let step = env.blur(own::aim(env, pkt, &cx, st), cx.bytes);
    match step {
        own::UNASKED => {}
        own::ASKED => {
            let receipt = judge(env, pkt, &cx, st)?;
            report::passed(env, pkt, st, receipt, PLACE);
        }
        way => return own::serve(env, pkt, &cx, st, way),
    }
    let receipt = st.receipt;
    let refusal = own::disguise(env, pkt, &cx, st);
    if refusal != 0 {
        return Err(refusal.into());
    }
    Ok(Action::accept(&receipt.host(st, PLACE.direction)?))
}

/// Finds out who sends the packet, to whom, and whether its source must be translated. Returns 0 or the
/// code of a [`DropReason`]. Out of line: the verifier then forgets by which way.
#[inline(never)]
fn sender<E: Env>(env: &E, config: &Config, st: &mut State) -> u32 {
    let pod = env.endpoint(&st.packet.src);
    st.from = match pod {
        Some(pod) => Local::from(pod),
        None => Local::from(&st.host),
    };
    st.src_identity = st.from.identity;
    st.endpoint_id = st.from.endpoint_id;
    let place = target::locate(env, config, st);
    st.translates = 0;
    if pod.is_some() {
        match must_translate(config, st, place) {
            Ok(translates) => st.translates = u32::from(translates),
            Err(reason) => return reason.code().into(),
        }
    }
    0
}

/// A marked packet whose source is no pod of this node any more: late packets of a deleted pod.
/// Others with a mark are the kernel's forwarded ones from elsewhere.
#[inline(always)]
fn stale<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
) -> Result<Action, Refusal> {
    let src = st.packet.src;
    let own = config.node_id;
    match target::owner(env, st, &src) {
        Some(owner) if owner.node_id == own => Err(DropReason::StaleAddress.into()),
        _ => pass_on(env, pkt),
    }
}

/// Lets out what the stack forwards, and what a host sends that nobody protects.
#[inline(always)]
fn pass_on<E: Env, P: Packet>(env: &E, pkt: &P) -> Result<Action, Refusal> {
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&door::transit()))
}

/// Judges a packet of a pod of this node, or of the protected host.
#[inline(never)]
fn judge<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> Result<Receipt, Refusal> {
    let from = st.from;
    match st.packet.kind {
        Kind::Flow => {
            fragment::resolve(env, st)?;
            let receipt = door::pass(env, pkt, cx, st, from, Local::NONE)?;
            fragment::remember(env, st, cx.now);
            Ok(receipt)
        }
        Kind::Error => {
            arrive::read(env, pkt, st)?;
            Ok(door::related(env, cx, st, from, Local::NONE)?)
        }
        _ => Err(DropReason::CtUnknownProtocol.into()),
    }
}

/// A packet of a pod. If its connection is translated, the other end must not see the pod's own address,
/// nor that of a backend.
#[inline(always)]
fn pod_out<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    device: &DeviceValue,
    receipt: Receipt,
) -> Result<Action, Refusal> {
    let proof = receipt.source()?;
    if is_translated(env, cx, st, device, receipt)? {
        let is_error = matches!(st.packet.kind, Kind::Error);
        let (addr, port) = if is_error { st.quoted.destination() } else { st.packet.source() };
        let (from, to) = (Translation { addr, port }, st.stand_in);
        st.change = Change { field: Field::Source, from, to };
        nat::rewrite(env, pkt, st)?;
        pkt.set_mark(mark::of_kind(cx.config, kinds::SNAT_DONE));
    }
    report::forwarded(env, pkt, PLACE.direction);
    Ok(Action::accept(&proof))
}

/// Tells whether something else shall be seen instead of the pod: it is in [`State::stand_in`] then.
#[inline(always)]
fn is_translated<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    device: &DeviceValue,
    receipt: Receipt,
) -> Result<bool, Refusal> {
    // The kernel had to look at the answer of a backend.
    if receipt.has_service() {
        st.stand_in = st.service;
        return Ok(true);
    }
    // An ICMP error about a packet that came to the pod: the key of the quoted connection is in the state.
    if matches!(st.packet.kind, Kind::Error) {
        let Some(to) = nat::current(env, st, own(device, st)) else { return Ok(false) };
        st.stand_in = to;
        return Ok(true);
    }
    if st.translates == 0 || receipt.is_reply() {
        return Ok(false);
    }
    st.stand_in = nat::translate_flow(env, cx, st, own(device, st))?;
    Ok(true)
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

/// Returns the node's address that the outside sees.
#[inline(always)]
fn own<'d>(device: &'d DeviceValue, st: &State) -> &'d Addr {
    if st.packet.is_v4() { &device.addr_v4 } else { &device.addr_v6 }
}
