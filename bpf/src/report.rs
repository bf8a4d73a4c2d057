//! Counters and events.

use crate::{
    abi::{
        Counted, CtValue, Direction, DropReason, Event, Note, OPENER, Observation, RESPONDER,
        event_flags, event_kind, metric_index,
    },
    door::{Action, Receipt, Verdict, told},
    env::Env,
    packet::{Packet, Parsed, transport},
    state::State,
};

/// Where a program stands: what it observes and which way packets go there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Seen from the endpoint or the node.
    pub direction: Direction,
    /// For events.
    pub observation: Observation,
}

impl Default for Place {
    #[inline(always)]
    fn default() -> Self {
        Self { direction: Direction::Unknown, observation: Observation::ToEndpoint }
    }
}

/// Counts something that is not a drop.
#[inline(always)]
pub fn note<E: Env>(env: &E, note: Note, direction: Direction, bytes: u32) {
    env.count(metric_index(Counted::Note(note), direction), bytes);
}

/// Counts a packet as forwarded.
#[inline(always)]
pub fn forwarded<E: Env, P: Packet>(env: &E, pkt: &P, direction: Direction) {
    note(env, Note::Forwarded, direction, pkt.len());
}

/// Why a walk ended without a delivery: a [`Counted`] in one number, as undefined payloads of enums
/// upset the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(u32);

impl Refusal {
    /// Dropped without being a fault: counted only.
    #[inline(always)]
    pub fn ignore(why: Note) -> Self {
        Self(u32::from(why.code()))
    }
}

impl From<DropReason> for Refusal {
    #[inline(always)]
    fn from(reason: DropReason) -> Self {
        Self(u32::from(reason.code()))
    }
}

impl From<u32> for Refusal {
    /// Wraps the code of a [`DropReason`] that crossed a subprogram's boundary.
    #[inline(always)]
    fn from(code: u32) -> Self {
        Self(code)
    }
}

/// Codes from here on are drops.
const FIRST_DROP: u32 = 130;

/// Ends a walk: what was refused is counted, told and dropped.
#[inline(always)]
pub fn conclude<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    st: &mut State,
    result: Result<Action, Refusal>,
    place: Place,
) -> Action {
    match result {
        Ok(action) => action,
        Err(Refusal(code)) => {
            let seen = (place.direction as u32) << 8 | place.observation as u32;
            // All reasons are told by the same steps: the verifier shall walk them once.
            refuse(env, pkt, st, env.blur(code, pkt.len()), seen);
            Action::drop()
        }
    }
}

/// Counts and tells a drop whose sender gets an answer.
#[inline(always)]
pub fn refused<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    st: &mut State,
    reason: DropReason,
    place: Place,
) {
    let seen = (place.direction as u32) << 8 | place.observation as u32;
    refuse(env, pkt, st, reason.code().into(), seen);
}

#[inline(never)]
fn refuse<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, code: u32, seen: u32) -> u32 {
    let (place, observation) = (seen >> 8, seen & 0xff);
    let direction = if is_policy(code) { st.refused & 3 } else { place };
    env.count(code << 2 | direction, pkt.len());
    if code >= FIRST_DROP {
        st.value = CtValue::default();
        let kind = u32::from(event_kind::DROP);
        send_packed(env, pkt, st, kind << 24 | code << 16 | direction << 12 | observation << 8);
    }
    0
}

/// Tells whether a policy refused: the direction is then that of the leg, not of the program.
#[inline(always)]
fn is_policy(code: u32) -> bool {
    const DENIED: u32 = DropReason::PolicyDenied.code() as u32;
    const DENY: u32 = DropReason::PolicyDeny.code() as u32;
    const PROXY: u32 = DropReason::ProxyMissing.code() as u32;
    const AUTH: u32 = DropReason::AuthRequired.code() as u32;
    matches!(code, DENIED | DENY | PROXY | AUTH)
}

/// Counts a forwarded packet and tells its news.
#[inline(always)]
pub fn passed<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, receipt: Receipt, place: Place) {
    forwarded(env, pkt, place.direction);
    let news = receipt.news();
    if news.any() {
        let reply = if receipt.is_reply() { event_flags::REPLY } else { 0 };
        let flags = news.event_flags() | reply;
        send(env, pkt, st, event_kind::TRACE, Note::Forwarded.code(), place, flags);
    }
    if receipt.has_verdicts() {
        tell_verdicts(env, pkt, st, place.observation as u32);
    }
}

/// Tells which backend a datagram of this node's own got, as connect(2) tells of sockets: programs on its way
/// there see no service any more.
#[inline(always)]
pub fn balanced<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State) {
    if st.receipt.news().event_flags() & event_flags::NEW != 0 {
        let place = Place { direction: Direction::Egress, observation: Observation::FromEndpoint };
        send(env, pkt, st, event_kind::SOCKET, Note::Forwarded.code(), place, 0);
    }
}

/// Tells what policies said about the legs of a new connection.
#[inline(never)]
fn tell_verdicts<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, observation: u32) -> u32 {
    let endpoint_id = st.endpoint_id;
    let (source, destination) = (st.source_verdict, st.verdict);
    st.endpoint_id = st.from.endpoint_id;
    tell(env, pkt, st, source, (Direction::Egress as u32) << 12 | observation << 8);
    st.endpoint_id = st.to.endpoint_id;
    tell(env, pkt, st, destination, (Direction::Ingress as u32) << 12 | observation << 8);
    st.endpoint_id = endpoint_id;
    st.rule_id = 0;
    0
}

#[inline(always)]
fn tell<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, verdict: Verdict, seen: u32) {
    if verdict.told == told::NOTHING {
        return;
    }
    st.rule_id = verdict.rule_id;
    let audited = if verdict.told == told::AUDITED { event_flags::AUDIT } else { 0 };
    send_packed(env, pkt, st, u32::from(event_kind::VERDICT) << 24 | seen | u32::from(audited));
}

/// Sends an event; the connection's counters are in [`State::value`]. Out of line: events are
/// rare, and their many fields would crowd the path of the others.
#[inline(always)]
fn send<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    st: &mut State,
    kind: u8,
    reason: u8,
    place: Place,
    flags: u8,
) {
    let what = u32::from(kind) << 24
        | u32::from(reason) << 16
        | (place.direction as u32) << 12
        | (place.observation as u32) << 8
        | u32::from(flags);
    send_packed(env, pkt, st, what);
}

#[inline(never)]
fn send_packed<E: Env, P: Packet>(env: &E, pkt: &P, st: &mut State, what: u32) -> u32 {
    if st.packet.version == 0 {
        st.packet = Parsed::default();
    }
    let p = &st.packet;
    let is_icmp = p.version != 0 && (p.proto == transport::ICMP || p.proto == transport::ICMPV6);
    let (sport, dport) =
        if is_icmp { (u16::from(p.icmp_type), u16::from(p.icmp_code)) } else { (p.sport, p.dport) };
    st.event = Event {
        time: env.exact_now(),
        tx_packets: st.value.packets[OPENER],
        tx_bytes: st.value.bytes[OPENER],
        rx_packets: st.value.packets[RESPONDER],
        rx_bytes: st.value.bytes[RESPONDER],
        src: p.src,
        dst: p.dst,
        src_xlated: st.translated,
        service: st.service.addr,
        src_identity: st.src_identity,
        dst_identity: st.dst_identity,
        endpoint_id: st.endpoint_id,
        ifindex: pkt.ifindex(),
        length: pkt.len(),
        rule_id: st.rule_id,
        sport,
        dport,
        vni: st.vni,
        kind: (what >> 24) as u8,
        reason: (what >> 16) as u8,
        direction: (what >> 12) as u8 & 0xf,
        observation: (what >> 8) as u8 & 0xf,
        proto: p.proto,
        tcp_flags: p.tcp_flags,
        flags: what as u8,
        ip_version: p.version,
        dst_mac: st.dst_mac.bytes(),
        src_mac: st.src_mac.bytes(),
        ether_type: st.ether_type,
        service_port: st.service.port,
    };
    if !env.emit(&st.event) {
        note(env, Note::EventLost, Direction::Unknown, pkt.len());
    }
    0
}
