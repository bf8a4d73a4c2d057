//! Through the door with a connection: its legs, its entry, its news.

use super::{
    admit::{Admitted, FlowState, Local, Receipt, Subject, admit},
    leg::Legs,
};
use crate::{
    abi::{Approval, Config, CtKey, Direction, DropReason, End, Zone, ct_flags},
    admission, conntrack,
    env::{Entry, Env, Put, Way},
    packet::Fragment,
    state::State,
};

/// Whether a packet counts on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// First sight on this node.
    Count,
    /// Another program of this node saw and counted it.
    Again,
}

/// What a packet is judged against.
pub struct Context<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The revision, read before anything that it covers.
    pub revision: u32,
    /// Time at tick resolution.
    pub now: u64,
    /// Bytes of the packet at layer 2.
    pub bytes: u32,
    /// Whether to count.
    pub tally: Tally,
}

/// Judges the legs of [`State::from`] and [`State::to`], whichever are pods of this node.
///
/// The result is in [`State::receipt`]. Out of line: the verifier then forgets by which of its many
/// ways a packet came through.
#[inline(always)]
pub fn pass<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    to: Local,
) -> Result<Receipt, u32> {
    st.from = from;
    st.to = to;
    settle(env, cx, st);
    let refusal = st.receipt.refusal();
    if refusal != 0 { Err(refusal) } else { Ok(st.receipt) }
}

#[inline(never)]
fn settle<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> u32 {
    st.receipt = match judge(env, cx, st) {
        Ok(receipt) => receipt,
        Err(reason) => Receipt::refused(reason),
    };
    0
}

#[inline(always)]
fn judge<E: Env>(env: &E, cx: &Context<'_>, st: &mut State) -> Result<Receipt, DropReason> {
    let p = &st.packet;
    let (key, end) =
        CtKey::canonical(Zone::Pod, (p.proto, p.type_class), p.source(), p.destination());
    st.key = key;
    let Some(found) = conntrack::find(env, cx.config, &st.key, end, cx.now) else {
        return open(env, cx, st, end);
    };
    let legs = Legs::read(&found.entry);
    let (from, to, way) = (st.from, st.to, found.way);
    // Between the two looks at the tag the kernel may have given the element to another key.
    if found.entry.tag() != st.key.tag() || legs.is_foreign(way, from, to) {
        return open(env, cx, st, end);
    }
    let (opener, responder) = way.order(from, to);
    let (opener_id, responder_id) = way.order(st.src_identity, st.dst_identity);
    let egress = legs.egress_state(cx.revision, opener, responder_id);
    let ingress = legs.ingress_state(cx.revision, responder, opener_id);
    let (source_state, destination_state) = way.order(egress, ingress);
    let (out, into) = way.order(Direction::Egress, Direction::Ingress);
    let source = leg(env, st, from, out, st.dst_identity, source_state)?;
    let destination = leg(env, st, to, into, st.src_identity, destination_state)?;
    let mut news = conntrack::News::default();
    // Before the approvals are renewed: that replaces the element this entry points to.
    if cx.tally == Tally::Count {
        news = conntrack::news(&found, cx.config, st.packet.tcp_flags, cx.now);
        found.entry.touch(way, cx.now, cx.bytes, st.packet.tcp_flags);
        if news.any() {
            found.entry.set_reported(cx.now);
            found.entry.copy_to(&mut st.value);
        }
    }
    if egress == FlowState::Unjudged || ingress == FlowState::Unjudged {
        found.entry.copy_to(&mut st.value);
        renew(env, cx, st, u32::from(way == Way::Reply));
    }
    Ok(Receipt::new(source.as_ref(), destination.as_ref(), way, news))
}

#[inline(always)]
fn leg<E: Env, L>(
    env: &E,
    st: &State,
    pod: Local,
    direction: Direction,
    peer: u32,
    state: FlowState,
) -> Result<Option<Admitted<L>>, DropReason> {
    if !pod.is_some() {
        return Ok(None);
    }
    admit(env, Subject::Pod(pod), direction, peer, &st.packet, state).map(Some)
}

/// Stores fresh approvals of the copy in [`State::value`] by the key. Losing the race against a
/// removal only means that the next packet is judged again.
#[inline(never)]
fn renew<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, reply: u32) -> u32 {
    if st.value.tag == st.key.tag() {
        approve(cx, st, if reply != 0 { Way::Reply } else { Way::Forward });
        let _ = conntrack::put(env, &st.key, &st.value, Put::Replace);
    }
    0
}

#[inline(always)]
fn approve(cx: &Context<'_>, st: &mut State, way: Way) {
    let (opener, responder) = way.order(st.from, st.to);
    let (opener_id, responder_id) = way.order(st.src_identity, st.dst_identity);
    if opener.is_some() {
        st.value.egress = Approval::new(cx.revision, responder_id).0;
        st.value.egress_incarnation = opener.incarnation;
        st.value.source_endpoint = opener.endpoint_id;
    }
    if responder.is_some() {
        st.value.ingress = Approval::new(cx.revision, opener_id).0;
        st.value.ingress_incarnation = responder.incarnation;
        st.value.destination_endpoint = responder.endpoint_id;
    }
}

/// Opens a connection with this packet.
#[inline(always)]
fn open<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    end: End,
) -> Result<Receipt, DropReason> {
    if matches!(st.packet.fragment, Fragment::Later) {
        return Err(DropReason::FirstFragmentMissing);
    }
    let (from, to) = (st.from, st.to);
    let (src, dst) = (st.src_identity, st.dst_identity);
    let source = leg(env, st, from, Direction::Egress, dst, FlowState::Unjudged)?;
    let destination = leg(env, st, to, Direction::Ingress, src, FlowState::Unjudged)?;
    match record(env, cx, st, u32::from(end == End::B)) {
        0 => {
            let news = conntrack::News::opened();
            Ok(Receipt::new(source.as_ref(), destination.as_ref(), Way::Forward, news))
        }
        NO_ADMISSION => Err(DropReason::RateLimited),
        _ => Err(DropReason::CtInsertFailed),
    }
}

const NO_ADMISSION: u32 = 1;
const NO_ROOM: u32 = 2;

/// Writes the entry of a new connection.
#[inline(never)]
fn record<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, opened_by_b: u32) -> u32 {
    let from = st.from;
    if from.is_some()
        && cx.tally == Tally::Count
        && admission::admit(env, cx.config, from.endpoint_id, cx.now).is_err()
    {
        return NO_ADMISSION;
    }
    let end = if opened_by_b != 0 { End::B } else { End::A };
    conntrack::create(&mut st.value, &st.key, end, cx.now, st.packet.tcp_flags, cx.bytes);
    approve(cx, st, Way::Forward);
    if !from.is_some() {
        st.value.flags |= ct_flags::INBOUND;
    }
    // An expired entry, or one of an earlier owner of the address, is overwritten.
    match conntrack::put(env, &st.key, &st.value, Put::Any) {
        Ok(()) => 0,
        Err(_) => NO_ROOM,
    }
}
