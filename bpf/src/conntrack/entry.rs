//! Finding entries: valid, of the right key, and not expired.

use crate::{
    abi::{Config, CtKey, OPENER, RESPONDER, Timeouts, ct_flags, ct_kind, event_flags},
    env::{Entry, Env, Way},
    packet::transport::{self, tcp_flag},
};

const SECOND: u64 = 1_000_000_000;

/// TCP flags that are news the first time they are seen in a direction.
const NEWS: u8 = tcp_flag::SYN | tcp_flag::FIN | tcp_flag::RST;

/// An entry and which way the packet goes on it.
pub struct Found<E: Entry> {
    /// The entry.
    pub entry: E,
    /// The way of the packet.
    pub way: Way,
}

impl<E: Entry> Found<E> {
    #[inline(always)]
    fn new(entry: E, source: u32) -> Self {
        let opener = u32::from(entry.flags() & ct_flags::OPENED_BY_B);
        Self { entry, way: Way::from_bit(opener ^ source) }
    }
}

/// Finds the tracked entry of `key`; an expired one counts as absent. `source` is 1 if the packet's
/// source is the key's higher end.
#[inline(always)]
pub fn find<E: Env>(
    env: &E,
    config: &Config,
    key: &CtKey,
    source: u32,
    now: u64,
) -> Option<Found<E::Entry>> {
    let entry = tracked(env, key)?;
    if is_expired(&entry, config, key.proto, now) {
        return None;
    }
    Some(Found::new(entry, source))
}

/// As [`find`], but only an entry of a busy connection: then nothing needs to be asked of its timeouts.
#[inline(always)]
pub fn find_busy<E: Env>(env: &E, key: &CtKey, source: u32, now: u64) -> Option<Found<E::Entry>> {
    let entry = tracked(env, key)?;
    (idle(&entry, now) <= SECOND).then_some(Found::new(entry, source))
}

#[inline(always)]
fn tracked<E: Env>(env: &E, key: &CtKey) -> Option<E::Entry> {
    let entry = env.connection(key)?;
    (entry.kind() == ct_kind::TRACKED && entry.tag() == key.tag()).then_some(entry)
}

/// Returns how long nothing was heard of a connection, ns.
#[inline(always)]
fn idle<E: Entry>(entry: &E, now: u64) -> u64 {
    now.saturating_sub(entry.last_seen())
}

/// Reads the key of the tracked entry behind the alias `key` into `tracked`.
///
/// Whether that entry still exists and still has this translation is for the caller to see.
#[inline(always)]
pub fn find_alias<E: Env>(env: &E, key: &CtKey, tracked: &mut CtKey) -> bool {
    let Some(entry) = env.connection(key) else { return false };
    if entry.kind() != ct_kind::ALIAS || entry.tag() != key.tag() {
        return false;
    }
    *tracked = entry.alias();
    entry.tag() == key.tag()
}

/// Tells whether nothing was heard of a connection for longer than its kind allows.
#[inline(always)]
pub fn is_expired<E: Entry>(entry: &E, config: &Config, proto: u8, now: u64) -> bool {
    let idle = idle(entry, now);
    // No timeout is shorter, so a busy connection is not asked about its state.
    idle > SECOND && is_idle_too_long(entry, &config.timeouts, proto, idle)
}

#[inline(always)]
fn is_idle_too_long<E: Entry>(entry: &E, limits: &Timeouts, proto: u8, idle: u64) -> bool {
    let limit = match proto {
        transport::TCP => {
            let flags = (entry.tcp_flags(OPENER), entry.tcp_flags(RESPONDER));
            if is_closed(flags) {
                limits.tcp_close
            } else if flags.0 == 0 || flags.1 == 0 {
                limits.tcp_syn
            } else {
                limits.tcp
            }
        }
        transport::UDP | transport::SCTP => limits.udp,
        _ => limits.other,
    };
    idle > u64::from(limit) * SECOND
}

/// Tells whether a TCP connection ended longer ago than `grace`, ns.
#[inline(always)]
pub fn is_over<E: Entry>(entry: &E, proto: u8, now: u64, grace: u64) -> bool {
    let flags = (entry.tcp_flags(OPENER), entry.tcp_flags(RESPONDER));
    proto == transport::TCP && is_closed(flags) && now.saturating_sub(entry.last_seen()) > grace
}

/// Tells whether a TCP connection has ended: FIN both ways, or RST.
#[inline(always)]
fn is_closed((one, other): (u8, u8)) -> bool {
    ((one | other) & tcp_flag::RST) | (one & other & tcp_flag::FIN) != 0
}

/// What is worth an event about a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News(u8);

impl News {
    const NONE: Self = Self(0);

    /// Returns the news of a connection's first packet.
    #[inline(always)]
    pub fn opened() -> Self {
        Self(event_flags::NEW)
    }

    /// Tells whether there is any.
    #[inline(always)]
    pub fn any(self) -> bool {
        self != Self::NONE
    }

    /// Returns the news as a number.
    #[inline(always)]
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Reads news from a number.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns the [`event_flags`].
    #[inline(always)]
    pub fn event_flags(self) -> u8 {
        self.0 & !FLAGS_ONLY
    }
}

/// Marks news that have no event flag of their own: TCP flags not seen before.
const FLAGS_ONLY: u8 = 0x80;

/// Compares a packet with its entry before the entry is touched.
#[inline(always)]
pub fn news<E: Entry>(found: &Found<E>, config: &Config, tcp_flags: u8, now: u64) -> News {
    let quiet = now.saturating_sub(found.entry.last_report());
    let report = quiet > u64::from(config.report_interval) * SECOND;
    let seen = found.entry.tcp_flags(found.way.sender());
    let new = tcp_flags & NEWS & !seen;
    if !report && new == 0 {
        return News::NONE;
    }
    let mut news = if report { event_flags::REPORT } else { 0 };
    if new != 0 {
        let other = found.entry.tcp_flags(found.way.receiver());
        let closes = is_closed((seen | new, other)) && !is_closed((seen, other));
        news |= FLAGS_ONLY | if closes { event_flags::CLOSE } else { 0 };
    }
    News(news)
}
