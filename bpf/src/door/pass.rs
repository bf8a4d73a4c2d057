//! Through the door with a connection: its legs, its entry, its news.

use super::{
    admit::{Local, Receipt, admit, current},
    adopt,
    judge::{self, Question, Verdict, told},
    leg::{self, Legs},
};
use crate::{
    abi::{Approval, Config, CtKey, CtValue, DropReason, Zone, ct_flags},
    admission, balance,
    conntrack::{self, News},
    env::{Entry, Env, Put, Way},
    nat::Translation,
    packet::{Fragment, Packet, transport::tcp_flag},
    state::State,
};

/// Whether a packet counts on its connection.
///
/// A number: two constants would make the verifier walk everything twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally(u32);

impl Tally {
    /// First sight on this node.
    pub const COUNT: Self = Self(0);

    /// Another program of this node saw and counted it.
    pub const AGAIN: Self = Self(1);

    /// Returns the same, of which the verifier knows nothing.
    #[inline(always)]
    pub fn blurred<E: Env>(self, env: &E, noise: u32) -> Self {
        Self(env.blur(self.0, noise))
    }

    /// Tells whether the packet counts.
    #[inline(always)]
    pub(super) fn counts(self) -> bool {
        self.0 == 0
    }
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

/// Judges the legs of `from` and `to`, whichever are of this node.
#[inline(always)]
pub fn pass<E: Env, P: Packet>(
    env: &E,
    pkt: &P,
    cx: &Context<'_>,
    st: &mut State,
    from: Local,
    to: Local,
) -> Result<Receipt, u32> {
    st.from = from;
    st.to = to;
    settle(env, pkt, cx, st);
    st.receipt.result()
}

/// Out of line: the verifier then forgets by which of its many ways a packet came through.
#[inline(never)]
fn settle<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    let refusal = judge(env, pkt, cx, st);
    if refusal != 0 {
        st.receipt = Receipt::refused(refusal);
    }
    0
}

/// Returns 0 and leaves the proofs in [`State::receipt`], or returns the code of a [`DropReason`].
#[inline(always)]
fn judge<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State) -> u32 {
    let p = &st.packet;
    let (key, end) =
        CtKey::canonical(Zone::Pod, (p.proto, p.type_class), p.source(), p.destination());
    st.key = CtKey { zone: st.from.zone(&st.to), ..key };
    let source = env.blur(end.bit(), cx.bytes);
    let Some(found) = conntrack::find(env, cx.config, &st.key, source, cx.now) else {
        return open(env, pkt, cx, st, source);
    };
    let way = found.way;
    let legs = Legs::read(&found.entry, way);
    // Between the two looks at the tag the kernel may have given the element to another key.
    if found.entry.tag() != st.key.tag() {
        return open(env, pkt, cx, st, source);
    }
    let service = balance::service_of(&found.entry);
    let differs = st.decides & u32::from(service != st.service);
    let (from, to) = ((&st.from, st.dst_identity), (&st.to, st.src_identity));
    let stale = legs.staleness(cx.revision, from, to) | u64::from(differs & !way.bit());
    if let (Some(source), Some(destination)) = (current(stale), current(stale)) {
        st.receipt = Receipt::new((&st.from, source), (&st.to, destination), way);
    } else {
        st.legs = legs;
        match ask(env, cx, st, way.bit()) {
            0 => {}
            FOREIGN => return open(env, pkt, cx, st, source),
            refusal => return refusal,
        }
    }
    // Before the approvals are renewed: that replaces the element this entry points to.
    if way.bit() != 0 && !service.addr.is_zero() {
        st.service = service;
        st.receipt = st.receipt.with_service();
    }
    if cx.tally.counts() {
        let news = conntrack::news(&found, cx.config, st.packet.tcp_flags, cx.now);
        found.entry.touch(way.sender(), cx.now, cx.bytes, st.packet.tcp_flags);
        if news.any() {
            found.entry.set_reported(cx.now);
            found.entry.copy_to(&mut st.value);
            st.receipt = st.receipt.with(news);
        }
    }
    if stale != 0 {
        found.entry.copy_to(&mut st.value);
        renew(env, cx, st, way.bit());
    }
    0
}

/// The connection belongs to an earlier owner of an address.
const FOREIGN: u32 = 1;

/// Judges the legs in [`State::legs`] as far as they are not current.
///
/// Returns 0 and leaves the proofs in [`State::receipt`], or returns [`FOREIGN`] or the code of a
/// [`DropReason`]. Out of line: rare.
#[inline(never)]
fn ask<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, reply: u32) -> u32 {
    let way = Way::from_bit(reply);
    if st.legs.are_foreign(st) {
        return FOREIGN;
    }
    let (from, to) = st.legs.states(cx.revision, st);
    // Copies to look at: the verifier shall not remember the way from one question to the other.
    let seen = || Way::from_bit(env.blur(reply, cx.bytes));
    let l4 = judge::service(&st.packet, seen());
    let out = leg::direction(seen().sender());
    let (peer, addr) = (st.dst_identity, st.packet.dst);
    st.verdict = Verdict::default();
    let source = match admit(env, st, Question::about(&st.from, out, (peer, addr), l4), from) {
        Ok(proof) => proof,
        Err(refusal) => return refusal,
    };
    st.source_verdict = st.verdict;
    let (peer, addr) = (st.src_identity, st.packet.src);
    let into = leg::direction(seen().receiver());
    st.verdict = Verdict::default();
    let destination = match admit(env, st, Question::about(&st.to, into, (peer, addr), l4), to) {
        Ok(proof) => proof,
        Err(refusal) => return refusal,
    };
    st.receipt = Receipt::new((&st.from, source), (&st.to, destination), way);
    0
}

/// Stores fresh approvals of the copy in [`State::value`] by the key. Losing the race against a
/// removal only means that the next packet is judged again.
#[inline(never)]
fn renew<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, reply: u32) -> u32 {
    if st.value.tag == st.key.tag() {
        approve(cx, st, Way::from_bit(reply));
        if st.decides != 0 && reply == 0 {
            serve(st);
        }
        let _ = conntrack::put(env, &st.key, &st.value, Put::Replace);
    }
    0
}

/// Writes down which service the opener speaks with, if any.
#[inline(always)]
fn serve(st: &mut State) {
    let Translation { addr, port } = st.service;
    st.value.flags &= !ct_flags::SERVICE;
    if !addr.is_zero() {
        st.value.flags |= ct_flags::SERVICE;
    }
    (st.value.service_addr, st.value.service_port) = (addr, port);
}

#[inline(always)]
fn approve(cx: &Context<'_>, st: &mut State, way: Way) {
    let (from, to) = (st.from, st.to);
    let (src, dst) = (st.src_identity, st.dst_identity);
    approve_side(cx, &mut st.value, way.sender() & 1, &from, dst);
    approve_side(cx, &mut st.value, way.receiver() & 1, &to, src);
}

#[inline(always)]
fn approve_side(cx: &Context<'_>, value: &mut CtValue, side: usize, pod: &Local, peer: u32) {
    if pod.is_some() {
        value.approval[side] = Approval::new(cx.revision, peer).0;
        value.incarnation[side] = pod.incarnation;
        value.endpoint[side] = pod.endpoint_id;
    }
}

/// Opens a connection with this packet, which the key's higher end sends if `source` is 1.
#[inline(always)]
fn open<E: Env, P: Packet>(env: &E, pkt: &P, cx: &Context<'_>, st: &mut State, source: u32) -> u32 {
    if matches!(st.packet.fragment, Fragment::Later) {
        return DropReason::FirstFragmentMissing.code().into();
    }
    st.legs = Legs::default();
    let reply = env.blur(adopt::is_reply(pkt, st), cx.bytes);
    match ask(env, cx, st, reply) {
        0 => record(env, cx, st, source, reply),
        refusal => refusal,
    }
}

/// Writes the entry of a new connection, or of one that is only new to the table: `reply` is 1 then if
/// the packet goes to its opener. Returns 0 or the code of a [`DropReason`].
#[inline(never)]
fn record<E: Env>(env: &E, cx: &Context<'_>, st: &mut State, source: u32, reply: u32) -> u32 {
    let (from, way) = (st.from, Way::from_bit(reply));
    let admitted = match from.endpoint_id {
        _ if !cx.tally.counts() => Ok(()),
        0 if way.bit() != 0 => Ok(()),
        0 => admission::admit_stranger(env, st.src_identity),
        endpoint_id => admission::admit(env, cx.config, endpoint_id, cx.now),
    };
    if let Err(reason) = admitted {
        return reason.code().into();
    }
    let opener = source ^ way.bit();
    conntrack::create(&mut st.value, &st.key, opener, cx.now, st.packet.tcp_flags, cx.bytes);
    if way.bit() != 0 {
        // Both sides were heard of, though not here.
        st.value.tcp_flags = [tcp_flag::ACK; 2];
    }
    approve(cx, st, way);
    if st.decides != 0 && way.bit() == 0 {
        serve(st);
    }
    let opened_here = if way.bit() != 0 { st.to.is_some() } else { from.is_some() };
    if !opened_here {
        st.value.flags |= ct_flags::INBOUND;
    }
    st.receipt = st.receipt.with(News::opened());
    if st.source_verdict.told | st.verdict.told != told::NOTHING {
        st.receipt = st.receipt.with_verdicts();
    }
    // An expired entry, or one of an earlier owner of the address, is overwritten.
    match conntrack::put(env, &st.key, &st.value, Put::Any) {
        Ok(()) => 0,
        Err(_) => DropReason::CtInsertFailed.code().into(),
    }
}
