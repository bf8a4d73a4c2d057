//! What other nodes send over the overlay.

use super::{arrive, relay};
use crate::{
    abi::{ABI_VERSION, Config, Direction, DropReason, Note, Observation, identity, ipcache_flags},
    balance::{self, deed},
    door::{self, Action, Admitted, Context, Host, Local, Receipt, Tally},
    env::Env,
    fragment,
    link::{self, Frame},
    mark,
    nat::{self, behind},
    packet::{
        ETHERNET, Packet, Tunnel,
        ip::{self, Extent},
    },
    report::{self, Place, Refusal},
    state::State,
    target,
};

const PLACE: Place = Place { direction: Direction::Ingress, observation: Observation::FromOverlay };

/// Walks a packet that came over the overlay.
#[inline(always)]
pub fn from_overlay<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) -> Action {
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
    let tunnel = pkt.tunnel().ok_or(DropReason::NoTunnelKey)?;
    st.vni = tunnel.vni;
    let family = match link::read(pkt, st)? {
        Frame::Ip(family) => family,
        Frame::Arp => return Err(DropReason::UnsupportedL3.into()),
        Frame::Other(reason) => return Err(reason.into()),
    };
    ip::parse(pkt, family, ETHERNET, Extent::Complete, &mut st.packet)?;
    let revision = env.revision();
    st.src_identity = sender(env, config, st, &tunnel)?;
    match env.endpoint(&st.packet.dst) {
        Some(pod) => arrive::at_pod(st, pod)?,
        None => match target::locate(env, config, st) {
            target::Place::Host => {
                door::host(env, st);
                arrive::at_host(st);
            }
            target::Place::Stale => return Err(DropReason::StaleAddress.into()),
            _ => return Err(DropReason::UnknownTarget.into()),
        },
    }
    arrive::read(env, pkt, st)?;
    let cx = Context { config, revision, now: env.tick(), bytes: pkt.len(), tally: Tally::COUNT };
    if !arrive::is_at_pod(st) {
        match nat::untranslate(env, &cx, st, 0) {
            behind::NOBODY if is_host_port(env, st) => return hand_on(pkt, config, st, &tunnel),
            behind::NOBODY => {}
            behind::CLIENT if relay::is_beyond(st) => return relay::back(env, pkt, &cx, st, PLACE),
            behind::CLIENT => st.answers = 1,
            // Who knows a pod by this node's address is outside of the overlay.
            _ => return Err(DropReason::UnknownTarget.into()),
        }
    }
    let mut receipt = Receipt::default();
    if arrive::is_at_pod(st) || door::is_protected(st) {
        receipt = arrive::judge(env, pkt, &cx, st, Local::NONE)?;
    } else {
        fragment::remember(env, st, cx.now);
        report::forwarded(env, pkt, Direction::Ingress);
    }
    if !arrive::is_at_pod(st) {
        // The host itself is the client of a service.
        let deed = deed::PASS_BACK;
        let refusal = if st.answers == 0 { 0 } else { relay::translate(env, pkt, &cx, st, deed) };
        if refusal != 0 {
            return Err(refusal.into());
        }
        return Ok(to_host(pkt, &receipt.host(st, Direction::Ingress)?));
    }
    arrive::deliver(env, pkt, &cx, st, receipt)
}

/// Tells whether a packet from a pod is for a port of this host that a pod here may have: other nodes do not
/// know of those, and balance all else themselves.
#[inline(always)]
fn is_host_port<E: Env>(env: &E, st: &State) -> bool {
    st.src_identity <= identity::LAST_CLUSTER && balance::is_asked(env, st)
}

/// Clients of the underlay are served there, and those of the overlay like them.
#[inline(always)]
fn hand_on<P: Packet>(
    pkt: &P,
    config: &Config,
    st: &State,
    tunnel: &Tunnel,
) -> Result<Action, Refusal> {
    let ifindex = pkt.route(&tunnel.remote).device().ok_or(DropReason::FibLookupFailed)?;
    pkt.set_mark(mark::handed_on(config, st.src_identity));
    Ok(Action::hand_on(ifindex))
}

#[inline(always)]
fn to_host<P: Packet>(pkt: &P, proof: &Admitted<Host>) -> Action {
    pkt.set_mark(0);
    pkt.set_to_host();
    Action::accept(proof)
}

/// Returns the identity of the sender, if outer source, inner source and VNI fit each other.
#[inline(always)]
fn sender<E: Env>(
    env: &E,
    config: &Config,
    st: &mut State,
    tunnel: &Tunnel,
) -> Result<u32, DropReason> {
    let node_id = env.node_id(&tunnel.remote).ok_or(DropReason::UnknownSender)?;
    if node_id == config.node_id {
        return Err(DropReason::UnknownSender);
    }
    let src = st.packet.src;
    let owner = target::owner(env, st, &src).ok_or(DropReason::InvalidSourceIp)?;
    if owner.node_id != node_id {
        return Err(DropReason::UnknownSender);
    }
    let vni = tunnel.vni;
    if owner.flags & ipcache_flags::NODE != 0 {
        return match vni {
            identity::WORLD_V4 | identity::WORLD_V6 => Ok(vni),
            // The sender knows no more than that it is another node.
            identity::REMOTE_NODE if is_told_apart(owner.identity) => Ok(owner.identity),
            identity::HEALTH | identity::INGRESS if owner.identity == identity::KUBE_APISERVER => {
                Ok(owner.identity)
            }
            identity::REMOTE_NODE | identity::HEALTH | identity::INGRESS => Ok(vni),
            _ => Err(DropReason::InvalidVni),
        };
    }
    if !(identity::FIRST_CLUSTER..=identity::LAST_CLUSTER).contains(&vni) {
        return Err(DropReason::InvalidVni);
    }
    if owner.identity != vni && owner.identity != identity::UNKNOWN {
        report::note(env, Note::IdentityDiffers, Direction::Ingress, 0);
    }
    Ok(vni)
}

/// Tells whether this node knows a node by more than that it is one.
#[inline(always)]
fn is_told_apart(identity: u32) -> bool {
    identity == identity::KUBE_APISERVER
        || (identity::FIRST_NODE..=identity::LAST_NODE).contains(&identity)
}
