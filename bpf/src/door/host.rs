//! Packets of the host that no policy is asked about, each for a reason.

use super::admit::{Admitted, Destination, Host, Local, Receipt, Source};
use crate::{
    abi::{Config, DropReason},
    env::Env,
    mark,
    packet::{Kind, Parsed, transport},
    state::State,
    target,
};

/// Reads whether and how the host is protected, for a packet that may be for it or from it.
#[inline(always)]
pub fn host<E: Env>(env: &E, st: &mut State) {
    if let Some(host) = env.host() {
        st.host = *host;
    }
}

/// Tells whether policies protect the host from the packet, and others from the host.
#[inline(always)]
pub fn is_protected(st: &State) -> bool {
    st.host.protected != 0
}

/// Admits what a pod sends to itself through a service: pods may always reach themselves.
#[inline(always)]
pub fn to_itself(
    from: &Local,
    to: &Local,
) -> Result<(Admitted<Source>, Admitted<Destination>), DropReason> {
    if from.is_pod() && from.endpoint_id == to.endpoint_id && from.incarnation == to.incarnation {
        Ok((Admitted::without_question(), Admitted::without_question()))
    } else {
        Err(DropReason::PolicyDenied)
    }
}

/// Admits what concerns a host that nobody protects.
#[inline(always)]
pub fn unprotected(st: &State) -> Option<Admitted<Host>> {
    if is_protected(st) { None } else { Some(Admitted::without_question()) }
}

/// Admits a packet that another program of this node admitted, as its mark says. Only root of the
/// host can forge a mark; packets from pods arrive without one.
#[inline(always)]
pub fn vouched(config: &Config, value: u32) -> Option<Admitted<Source>> {
    let vouches = mark::vouches(mark::kind(config, value));
    if vouches { Some(Admitted::without_question()) } else { None }
}

/// Admits what the stack forwards between others: no end of it is here.
#[inline(always)]
pub fn transit() -> Admitted<Host> {
    Admitted::without_question()
}

/// Admits what the host needs to have a network at all, whatever policies say: neighbour and router
/// discovery, multicast groups, and what DHCP clients and servers tell each other.
#[inline(always)]
pub fn link_protocol(p: &Parsed) -> Option<Admitted<Host>> {
    let speaks_of_the_link = !matches!(p.kind, Kind::Flow | Kind::Error | Kind::Unknown)
        || p.proto == transport::IGMP
        || is_dhcp(p);
    if speaks_of_the_link { Some(Admitted::without_question()) } else { None }
}

/// Tells whether a packet is of DHCP (RFC 2131 4.1, RFC 8415 7.2).
#[inline(always)]
fn is_dhcp(p: &Parsed) -> bool {
    p.proto == transport::UDP
        && matches!((p.sport, p.dport), (67, 68) | (68, 67) | (547, 546) | (546, 547))
}

/// Admits the host's own complaints: it sends them about packets that it got or should have
/// forwarded, and only the kernel or root can.
#[inline(always)]
pub fn complaint(p: &Parsed) -> Option<Admitted<Host>> {
    if matches!(p.kind, Kind::Error) { Some(Admitted::without_question()) } else { None }
}

/// Leaves a receipt in the state for what the host sends without asking a policy, and tells whether it
/// does.
#[inline(always)]
pub fn excuse(st: &mut State) -> bool {
    let proof =
        unprotected(st).or_else(|| link_protocol(&st.packet)).or_else(|| complaint(&st.packet));
    st.receipt = Receipt::default();
    match proof {
        Some(proof) => {
            st.receipt = Receipt::of_host(&proof);
            true
        }
        None => false,
    }
}

/// Admits outer packets of the overlay from a node: what is inside is judged when it comes out.
#[inline(always)]
pub fn tunnelled<E: Env>(env: &E, config: &Config, st: &State) -> Option<Admitted<Host>> {
    let p = &st.packet;
    let is_tunnel = target::is_overlay(config)
        && p.proto == transport::UDP
        && u32::from(p.dport) == config.vxlan_port
        && env.node_id(&p.src).is_some();
    if is_tunnel { Some(Admitted::without_question()) } else { None }
}
