//! Through the door with a connection: its legs, its entry, its news.

use super::{
    admit::{Admitted, Destination, FlowState, Local, Source, Subject, admit},
    leg::Legs,
};
use crate::{
    abi::{Approval, Config, CtKey, Direction, DropReason, End, Zone, ct_flags},
    admission,
    conntrack::{self, News},
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

/// What the walks must know of the connection after passing. The entry is in
/// [`State::value`] when there are news.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// The way of the packet.
    pub way: Way,
    /// What is worth an event.
    pub news: News,
}

/// Judges the leg of the pod that sends the packet.
#[inline(always)]
pub fn source<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
) -> Result<(Admitted<Source>, Passed), DropReason> {
    match pass(env, cx, st, Some(pod), None)? {
        (Some(source), _, passed) => Ok((source, passed)),
        _ => Err(DropReason::PolicyDenied),
    }
}

/// Judges the leg of the pod that gets the packet.
#[inline(always)]
pub fn destination<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    pod: Local,
) -> Result<(Admitted<Destination>, Passed), DropReason> {
    match pass(env, cx, st, None, Some(pod))? {
        (_, Some(destination), passed) => Ok((destination, passed)),
        _ => Err(DropReason::PolicyDenied),
    }
}

/// Judges both legs of a packet between two pods of this node.
#[inline(always)]
pub fn both<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    to: Local,
) -> Result<(Admitted<Source>, Admitted<Destination>, Passed), DropReason> {
    match pass(env, cx, st, Some(from), Some(to))? {
        (Some(source), Some(destination), passed) => Ok((source, destination, passed)),
        _ => Err(DropReason::PolicyDenied),
    }
}

type Proofs = (Option<Admitted<Source>>, Option<Admitted<Destination>>, Passed);

#[inline(always)]
fn pass<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    from: Option<Local>,
    to: Option<Local>,
) -> Result<Proofs, DropReason> {
    let p = &st.packet;
    let (key, end) =
        CtKey::canonical(Zone::Pod, (p.proto, p.type_class), p.source(), p.destination());
    st.key = key;
    let Some(found) = conntrack::find(env, cx.config, &st.key, end, cx.now) else {
        return open(env, cx, st, end, from, to);
    };
    let legs = Legs::read(&found.entry);
    // Between the two looks at the tag the kernel may have given the element to another key.
    if found.entry.tag() != st.key.tag() || legs.is_foreign(found.way, from, to) {
        return open(env, cx, st, end, from, to);
    }
    let way = found.way;
    let (opener, responder) = way.order(from, to);
    let (opener_id, responder_id) = way.order(st.src_identity, st.dst_identity);
    let egress = legs.egress_state(cx.revision, opener, responder_id);
    let ingress = legs.ingress_state(cx.revision, responder, opener_id);
    let news = conntrack::news(&found, cx.config, st.packet.tcp_flags, cx.now);
    let (source_state, destination_state) = way.order(egress, ingress);
    let (out, into) = way.order(Direction::Egress, Direction::Ingress);
    let source = leg(env, st, from, out, st.dst_identity, source_state)?;
    let destination = leg(env, st, to, into, st.src_identity, destination_state)?;
    if egress == FlowState::Unjudged || ingress == FlowState::Unjudged {
        renew(env, cx, st, &found.entry, (opener, responder_id), (responder, opener_id));
    }
    if cx.tally == Tally::Count {
        found.entry.touch(way, cx.now, cx.bytes, st.packet.tcp_flags);
        if news.any() {
            found.entry.set_reported(cx.now);
            found.entry.copy_to(&mut st.value);
        }
    }
    Ok((source, destination, Passed { way, news }))
}

#[inline(always)]
fn leg<E: Env, L>(
    env: &E,
    st: &State,
    pod: Option<Local>,
    direction: Direction,
    peer: u32,
    state: FlowState,
) -> Result<Option<Admitted<L>>, DropReason> {
    match pod {
        Some(pod) => admit(env, Subject::Pod(pod), direction, peer, &st.packet, state).map(Some),
        None => Ok(None),
    }
}

/// Stores fresh approvals by the key. Losing the race against a removal only means that the next
/// packet is judged again.
#[inline(always)]
fn renew<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    entry: &E::Entry,
    (opener, responder_id): (Option<Local>, u32),
    (responder, opener_id): (Option<Local>, u32),
) {
    entry.copy_to(&mut st.value);
    if st.value.tag != st.key.tag() {
        return;
    }
    approve(cx, st, (opener, responder_id), (responder, opener_id));
    let _ = conntrack::put(env, &st.key, &st.value, Put::Replace);
}

#[inline(always)]
fn approve(
    cx: &Context<'_>,
    st: &mut State,
    (opener, responder_id): (Option<Local>, u32),
    (responder, opener_id): (Option<Local>, u32),
) {
    if let Some(pod) = opener {
        st.value.egress = Approval::new(cx.revision, responder_id).0;
        st.value.egress_incarnation = pod.incarnation;
        st.value.source_endpoint = pod.endpoint_id;
    }
    if let Some(pod) = responder {
        st.value.ingress = Approval::new(cx.revision, opener_id).0;
        st.value.ingress_incarnation = pod.incarnation;
        st.value.destination_endpoint = pod.endpoint_id;
    }
}

/// Opens a connection with this packet.
#[inline(always)]
fn open<E: Env>(
    env: &E,
    cx: &Context<'_>,
    st: &mut State,
    end: End,
    from: Option<Local>,
    to: Option<Local>,
) -> Result<Proofs, DropReason> {
    if matches!(st.packet.fragment, Fragment::Later) {
        return Err(DropReason::FirstFragmentMissing);
    }
    let (src, dst) = (st.src_identity, st.dst_identity);
    let source = leg(env, st, from, Direction::Egress, dst, FlowState::Unjudged)?;
    let destination = leg(env, st, to, Direction::Ingress, src, FlowState::Unjudged)?;
    if let Some(pod) = from
        && cx.tally == Tally::Count
    {
        admission::admit(env, cx.config, pod.endpoint_id, cx.now)?;
    }
    conntrack::create(&mut st.value, &st.key, end, cx.now, st.packet.tcp_flags, cx.bytes);
    approve(cx, st, (from, dst), (to, src));
    if from.is_none() {
        st.value.flags |= ct_flags::INBOUND;
    }
    // An expired entry, or one of an earlier owner of the address, is overwritten.
    conntrack::put(env, &st.key, &st.value, Put::Any).map_err(|_| DropReason::CtInsertFailed)?;
    let passed = Passed { way: Way::Forward, news: News::opened() };
    Ok((source, destination, passed))
}
