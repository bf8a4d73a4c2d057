//! What reaches a pod through the stack: the host's own packets, and those that the kernel had to
//! look at.

use super::arrive;
use crate::{
    abi::{
        ABI_VERSION, Config, DeviceKind, DeviceValue, Direction, DropReason, Note, Observation,
        identity, mark as kinds,
    },
    door::{self, Action, Context, Local, Tally},
    env::Env,
    link::{self, Frame},
    mark,
    packet::{
        ETHERNET, Kind, Packet,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Ingress, observation: Observation::ToEndpoint };

/// Walks a packet that leaves the stack for a pod.
#[inline(always)]
pub fn to_pod<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
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
    if device.kind != DeviceKind::Pod as u32 {
        return Err(DropReason::NoConfiguration.into());
    }
    st.endpoint_id = device.endpoint_id;
    let family = match link::read(pkt, st)? {
        Frame::Ip(family) => family,
        // Neighbours are permanent on both sides: nobody needs to ask.
        Frame::Arp => return Err(Refusal::ignore(Note::LinkNoise)),
        Frame::Other(reason) => return Err(reason.into()),
    };
    ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet)?;
    check_destination(st, device)?;
    let revision = env.revision();
    let tally = identify(env, pkt, config, st)?.blurred(env, pkt.len());
    arrive::read(env, pkt, st)?;
    let cx = Context { config, revision, now: env.tick(), bytes: pkt.len(), tally };
    // The host may complain about whatever it got or forwards.
    if st.src_identity == identity::HOST && matches!(st.packet.kind, Kind::Flow) {
        door::host(env, st);
    }
    arrive::at_device(st, device);
    let receipt = arrive::judge(env, pkt, &cx, st, Local::from(&st.host))?;
    let proof = receipt.destination()?;
    arrive::show_service(env, pkt, st, receipt)?;
    pkt.set_mark(0);
    Ok(Action::accept(&proof))
}

#[inline(always)]
fn check_destination(st: &State, device: &DeviceValue) -> Result<(), Refusal> {
    let p = &st.packet;
    let noise = !matches!(p.kind, Kind::Flow | Kind::Error | Kind::Unknown);
    if noise || ip::is_group(&p.dst) || ip::is_link_local_v6(&p.dst) {
        return Err(Refusal::ignore(Note::LinkNoise));
    }
    let own = if p.is_v4() { &device.addr_v4 } else { &device.addr_v6 };
    if p.dst != *own || own.is_zero() {
        return Err(DropReason::UnknownTarget.into());
    }
    Ok(())
}

/// Finds out who sent the packet: the host only if it was made here; else who the mark says; else
/// the outside, as everyone of the cluster comes with a mark.
#[inline(always)]
fn identify<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
) -> Result<Tally, DropReason> {
    if pkt.ingress_ifindex() == 0 {
        st.src_identity = identity::HOST;
        return Ok(Tally::COUNT);
    }
    let value = pkt.mark();
    let kind = mark::kind(config, value);
    if kind == kinds::POD {
        st.src_identity = mark::identity(value);
        return Ok(Tally::AGAIN);
    }
    let was_admitted = kind == kinds::ADDRESSED;
    let src = st.packet.src;
    if env.endpoint(&src).is_some() {
        return Err(DropReason::InvalidSourceIp);
    }
    st.src_identity = match target::owner(env, st, &src) {
        Some(owner) if owner.node_id != 0 && !was_admitted => {
            return Err(DropReason::InvalidSourceIp);
        }
        Some(owner) => owner.identity,
        None => target::world(&st.packet),
    };
    Ok(if was_admitted { Tally::AGAIN } else { Tally::COUNT })
}
