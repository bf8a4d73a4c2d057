//! What goes to other nodes over the overlay.

use crate::{
    abi::{
        ABI_VERSION, Addr, Config, Direction, DropReason, Note, Observation, identity,
        ipcache_flags, mark as kinds,
    },
    door::{self, Action, Context, Local, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    mark,
    packet::{
        ETHERNET, Kind, Mac, Packet, Tunnel,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Egress, observation: Observation::ToOverlay };

/// The MAC that every remote pod seems to have: frames on the overlay are not addressed by MAC.
const REMOTE_MAC: Mac = Mac::new([0x02, 0x73, 0x6b, 0x65, 0x70, 0x01]);

/// Walks a packet that leaves by the overlay device.
#[inline(always)]
pub fn to_overlay<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
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
    let family = match link::read(pkt, st)? {
        Frame::Ip(family) => family,
        Frame::Arp => {
            let answered = link::answer_arp(pkt, st, REMOTE_MAC, |_| true)?;
            return resolve(env, pkt, answered, Note::ArpAnswered);
        }
        Frame::Other(reason) => return Err(reason.into()),
    };
    ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet)?;
    match st.packet.kind {
        Kind::Solicitation => {
            let answered = link::answer_neighbour(pkt, st, REMOTE_MAC, |_| true)?;
            return resolve(env, pkt, answered, Note::NeighbourAnswered);
        }
        Kind::LinkNoise | Kind::Advertisement => return Err(Refusal::ignore(Note::LinkNoise)),
        _ if ip::is_group(&st.packet.dst) => return Err(Refusal::ignore(Note::LinkNoise)),
        _ => {}
    }
    encapsulate(env, pkt, config, st)
}

#[inline(always)]
fn resolve<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    answered: bool,
    note: Note,
) -> Result<Action, Refusal> {
    if !answered {
        return Err(Refusal::ignore(Note::LinkNoise));
    }
    report::note(env, note, PLACE.direction, pkt.len());
    Ok(Action::answer_host(pkt.ifindex()))
}

#[inline(always)]
fn encapsulate<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
) -> Result<Action, Refusal> {
    let value = pkt.mark();
    let from_pod = mark::kind(config, value) == kinds::POD;
    st.src_identity = if from_pod { mark::identity(value) } else { identity::REMOTE_NODE };
    st.vni = st.src_identity;
    if !from_pod {
        check_host_source(env, pkt, config, st)?;
    }
    // Before anything that it covers.
    let revision = env.revision();
    let remote = remote(env, config, st)?;
    if !pkt.set_tunnel(&Tunnel { vni: st.vni, remote }) {
        return Err(DropReason::WriteError.into());
    }
    // The outer packet inherits the mark: to_netdev must not take it for a pod's.
    pkt.set_mark(mark::of_kind(config, kinds::OVERLAY));
    if from_pod && let Some(proof) = door::vouched(config, value) {
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(Action::accept(&proof));
    }
    door::host(env, st);
    let unasked = door::unprotected(st).or_else(|| door::complaint(&st.packet));
    if let Some(proof) = unasked {
        report::forwarded(env, pkt, PLACE.direction);
        return Ok(Action::accept(&proof));
    }
    host_out(env, pkt, config, revision, st)
}

/// A packet of the protected host.
#[inline(always)]
fn host_out<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    revision: u32,
    st: &mut State,
) -> Result<Action, Refusal> {
    if !matches!(st.packet.kind, Kind::Flow) {
        return Err(DropReason::CtUnknownProtocol.into());
    }
    let (now, bytes) = (env.tick(), pkt.len());
    let cx = Context { config, revision, now, bytes, tally: Tally::COUNT };
    st.src_identity = identity::HOST;
    fragment::resolve(env, st)?;
    let from = Local::from(&st.host);
    let receipt = door::pass(env, pkt, &cx, st, from, Local::NONE)?;
    fragment::remember(env, st, now);
    report::passed(env, pkt, st, receipt, PLACE);
    Ok(Action::accept(&receipt.host(st, PLACE.direction)?))
}

/// The host may use the overlay for packets it made itself, from an address of its own: the other
/// node would refuse any other.
#[inline(always)]
fn check_host_source<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    config: &Config,
    st: &mut State,
) -> Result<(), DropReason> {
    let src = st.packet.src;
    let owner = target::owner(env, st, &src).ok_or(DropReason::InvalidSourceIp)?;
    let own = owner.flags & ipcache_flags::NODE != 0 && owner.node_id == config.node_id;
    if pkt.ingress_ifindex() != 0 || !own {
        return Err(DropReason::InvalidSourceIp);
    }
    Ok(())
}

/// Returns the underlay address of the node behind which the destination is.
#[inline(always)]
fn remote<E: Env>(env: &E, config: &Config, st: &mut State) -> Result<Addr, DropReason> {
    let dst = st.packet.dst;
    let owner = target::owner(env, st, &dst).ok_or(DropReason::NoTunnelEndpoint)?;
    st.dst_identity = owner.identity;
    if owner.node_id == 0 || owner.node_id == config.node_id {
        return Err(DropReason::NoTunnelEndpoint);
    }
    let node = env.node(owner.node_id).ok_or(DropReason::NoTunnelEndpoint)?;
    let addr = if node.addr_v4.is_zero() { node.addr_v6 } else { node.addr_v4 };
    if addr.is_zero() {
        return Err(DropReason::NoTunnelEndpoint);
    }
    Ok(addr)
}
