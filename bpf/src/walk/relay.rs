//! Passing on between clients of services and backends elsewhere.

use crate::{
    abi::{Addr, DeviceKind, Direction, DropReason, Observation, identity, mark as kinds},
    balance::{self, deed},
    door::{self, Action, Context},
    env::Env,
    forward, mark,
    packet::Packet,
    report::{self, Place, Refusal},
    state::State,
    target,
};

const FORTH: Place = Place { direction: Direction::Ingress, observation: Observation::FromNetwork };

/// Ways to a backend.
pub(super) mod way {
    /// It is a pod of this node.
    pub(crate) const POD: u32 = 0;
    /// It is this node itself.
    pub(crate) const HOST: u32 = 1;
    /// Over the overlay.
    pub(crate) const OVERLAY: u32 = 2;
    /// By the route.
    pub(crate) const ROUTE: u32 = 3;
    /// Over the overlay, for which the packet is too big.
    pub(crate) const TOO_BIG: u32 = 4;
}

/// Finds the way to [`State::backend`], to which the packet in the state is addressed: one of [`way`], or
/// the code of a [`DropReason`]. [`State::own`] is then the address of this node that the backend shall
/// see, and [`State::out`] the device by which the packet leaves. Out of line: the verifier then forgets
/// what it took.
#[inline(never)]
pub(super) fn way<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    let way = if env.endpoint(&st.packet.dst).is_some() {
        way::POD
    } else {
        match beyond(env, pkt, cx, st) {
            Ok(way) => way,
            Err(reason) => reason.code().into(),
        }
    };
    env.blur(way, cx.bytes)
}

#[inline(always)]
fn beyond<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
) -> Result<u32, DropReason> {
    let is_overlay = match target::locate(env, cx.config, st) {
        target::Place::Host => {
            st.own = Addr::ZERO;
            return Ok(way::HOST);
        }
        target::Place::Stale => return Err(DropReason::StaleAddress),
        target::Place::RemotePod => target::is_overlay(cx.config),
        _ => false,
    };
    if st.packet.ttl <= 1 {
        return Err(DropReason::TtlExceeded);
    }
    st.out = if is_overlay {
        cx.config.vxlan_ifindex
    } else {
        pkt.route(&st.packet.dst).device().ok_or(DropReason::FibLookupFailed)?
    };
    // Whoever is there knows this node by the address of this device, not by that of the one where a packet came in.
    if let Some(device) = env.device(st.out).filter(|d| d.kind != DeviceKind::Pod as u32) {
        st.own = if st.packet.is_v4() { device.addr_v4 } else { device.addr_v6 };
    }
    if is_overlay {
        let is_too_big = forward::must_not_be_cut(pkt, cx.config, &st.packet);
        return Ok(if is_too_big { way::TOO_BIG } else { way::OVERLAY });
    }
    if st.own.is_zero() { Err(DropReason::NoNatMapping) } else { Ok(way::ROUTE) }
}

/// Passes a packet on to a backend elsewhere, by one of [`way`].
#[inline(always)]
pub(super) fn forth<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    way: u32,
) -> Result<Action, Refusal> {
    if way == way::TOO_BIG {
        return Ok(refuse(env, pkt, st, cx.config.route_mtu));
    }
    if way > way::TOO_BIG {
        return Err(way.into());
    }
    let refusal = translate(env, pkt, cx, st, deed::PASS_ON);
    if refusal != 0 {
        return Err(refusal.into());
    }
    let receipt = st.receipt;
    report::passed(env, pkt, st, receipt, FORTH);
    forward::take_hop(pkt, &st.packet)?;
    let proof = receipt.transit()?;
    if way == way::OVERLAY {
        pkt.set_mark(mark::admitted(cx.config, wire_identity(st)));
        return Ok(Action::relay_to_device(st.out, &proof));
    }
    pkt.set_mark(mark::of_kind(cx.config, kinds::SNAT_DONE));
    Ok(Action::relay_to_neighbour(st.out, &proof))
}

/// Drops a packet that nobody serves, or if `mtu` is not 0, one that is bigger, and tells the client.
#[inline(always)]
pub(super) fn refuse<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, mtu: u32) -> Action {
    match complain(env, pkt, st, mtu) {
        0 => Action::drop(),
        ifindex => Action::answer_outside(ifindex),
    }
}

/// Returns the device by which the complaint leaves, or 0 if there is none.
#[inline(never)]
fn complain<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, mtu: u32) -> u32 {
    let reason = if mtu == 0 { DropReason::NoBackend } else { DropReason::FragmentNotSupported };
    report::refused(env, pkt, st, reason, FORTH);
    let ifindex = pkt.ifindex();
    if balance::reject(pkt, st, mtu) == 0 { ifindex } else { 0 }
}

/// Tells whether the client that was found behind this node's address is somebody else than this node.
#[inline(always)]
pub(super) fn is_beyond(st: &State) -> bool {
    st.turns != 0 && st.here == 0
}

/// Passes an answer of a backend back to [`State::opener`], as [`crate::nat::untranslate`] found it.
#[inline(always)]
pub(super) fn back<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    place: Place,
) -> Result<Action, Refusal> {
    if st.packet.ttl <= 1 {
        return Err(DropReason::TtlExceeded.into());
    }
    let client = st.opener.addr;
    let out = pkt.route(&client).device().ok_or(DropReason::FibLookupFailed)?;
    let refusal = translate(env, pkt, cx, st, deed::PASS_BACK);
    if refusal != 0 {
        return Err(refusal.into());
    }
    let receipt = st.receipt;
    report::passed(env, pkt, st, receipt, place);
    forward::take_hop(pkt, &st.packet)?;
    pkt.set_mark(mark::of_kind(cx.config, kinds::SNAT_DONE));
    Ok(Action::relay_to_neighbour(out, &receipt.transit()?))
}

/// Does one of [`deed`] to a packet, and follows its connection if that is one between others: the receipt
/// is in the state then. Returns 0 or the code of a [`DropReason`].
#[inline(never)]
pub(super) fn translate<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    deed: u32,
) -> u32 {
    let refusal = match deed {
        deed::PASS_ON => {
            st.key = st.alias;
            if st.fresh != 0 {
                st.stand_in.addr = st.own;
            }
            door::relay(env, cx, st)
        }
        deed::PASS_BACK => door::relay_back(env, cx, st),
        _ => 0,
    };
    if refusal != 0 {
        return refusal;
    }
    if deed == deed::PASS_ON {
        st.translated = st.stand_in.addr;
    }
    balance::translate(env, pkt, cx, st, deed)
}

/// Shows a client whose address nothing stands in for, as [`crate::nat::untranslate`] found it, the service
/// instead of the backend. Returns 0 or the code of a [`DropReason`].
#[inline(never)]
pub(super) fn reveal<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    match door::relay_back(env, cx, st) {
        0 => balance::change(env, pkt, st),
        refusal => refusal,
    }
}

/// Returns the identity that other nodes are told: they know no other clients than nodes and the outside.
#[inline(always)]
fn wire_identity(st: &State) -> u32 {
    match st.src_identity {
        identity::REMOTE_NODE | identity::KUBE_APISERVER => identity::REMOTE_NODE,
        identity::FIRST_NODE..=identity::LAST_NODE => identity::REMOTE_NODE,
        _ => target::world(&st.packet),
    }
}
