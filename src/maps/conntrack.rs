//! Which connections are over, and the collector that removes them in small slices.
//!
//! The programs never remove an entry; they keep `last_seen`. The collector walks the table with a
//! cursor, so that no single step holds a CPU for long, and publishes after each full pass how
//! many entries every endpoint has, and strangers together, which the programs use to refuse more.
//! When the table is crowded, what is easily opened again goes early.

use std::{collections::BTreeMap, sync::Arc};

use skep_bpf::abi::{
    AdmissionQuota, Approval, CtKey, CtValue, OPENER, RESPONDER, STRANGERS, Timeouts, Zone,
    ct_flags, ct_kind, identity,
};

use super::{ConfigTable, ConntrackTable, MapError, MapStore, QuotaTable};

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const FIN: u8 = 0x01;
const RST: u8 = 0x04;
const NANOS: u64 = 1_000_000_000;

/// Idle seconds of what goes early.
const SCARCE_SECONDS: u32 = 5;

/// Used until the agent has written the configuration.
const DEFAULT_TIMEOUTS: Timeouts =
    Timeouts { tcp_syn: 60, tcp: 8000, tcp_close: 10, udp: 60, other: 60, reserved: [0; 3] };

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It was idle for too long, or closed.
    Expired,
    /// It is another tuple of a connection; it stays as long as that entry does.
    FollowsTracked,
    /// It is neither a connection nor an alias: no program of this version wrote it.
    Invalid,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    #[default]
    Ample,
    /// Not much is left.
    Scarce,
}

/// Decides about an entry. `now` is monotonic time in nanoseconds, as the programs write it. An
/// entry from the future (the clock is read before the entry) stays.
pub fn judge(key: &CtKey, value: &CtValue, now: u64, timeouts: &Timeouts, room: Room) -> Fate {
    match value.kind {
        ct_kind::ALIAS => return Fate::FollowsTracked,
        ct_kind::TRACKED => {}
        _ => return Fate::Invalid,
    }
    let usual = match key.proto {
        TCP => tcp_timeout(value, timeouts),
        UDP | SCTP => timeouts.udp,
        _ => timeouts.other,
    };
    let hurries = room == Room::Scarce && is_dispensable(key, value);
    let seconds = if hurries { usual.min(SCARCE_SECONDS) } else { usual };
    let idle = now.saturating_sub(value.last_seen);
    if idle > u64::from(seconds) * NANOS { Fate::Expired } else { Fate::Keep }
}

fn tcp_timeout(value: &CtValue, timeouts: &Timeouts) -> u32 {
    let [tx, rx] = value.tcp_flags;
    let closed = (tx | rx) & RST != 0 || tx & rx & FIN != 0;
    if closed {
        timeouts.tcp_close
    } else if value.packets.contains(&0) {
        timeouts.tcp_syn
    } else {
        timeouts.tcp
    }
}

/// Tells whether little is lost with a connection, as its next packet opens it again: nobody has answered, or
/// it is a stranger's and not of TCP.
fn is_dispensable(key: &CtKey, value: &CtValue) -> bool {
    let is_answered = !value.packets.contains(&0);
    !is_answered || (key.proto != TCP && opener(key, value) == Some(STRANGERS))
}

/// Returns whose share of the table a connection takes up; `None` if nobody's, as for other nodes and their
/// pods, and for the node itself.
fn opener(key: &CtKey, value: &CtValue) -> Option<u32> {
    let world = |number| matches!(number, identity::WORLD_V4 | identity::WORLD_V6);
    let whose = value.flags & (ct_flags::INBOUND | ct_flags::HOST);
    let is_relayed = key.zone == Zone::Service as u8 && whose == ct_flags::INBOUND;
    match value.endpoint[OPENER] {
        0 if is_relayed || world(Approval(value.approval[RESPONDER]).peer()) => Some(STRANGERS),
        0 => None,
        endpoint => Some(endpoint),
    }
}

/// Returns the key of the alias that source translation made for a tracked entry.
fn alias_of(key: &CtKey, value: &CtValue) -> Option<CtKey> {
    if value.flags & ct_flags::SNAT == 0 {
        return None;
    }
    let other = if key.zone == Zone::Service as u8 {
        (value.service_addr, value.service_port)
    } else if value.flags & ct_flags::OPENED_BY_B != 0 {
        (key.addr_a, key.port_a)
    } else {
        (key.addr_b, key.port_b)
    };
    // An echo has its identifier on both ends, and the translated one on both ends of the alias.
    let other = if key.type_class != 0 { (other.0, value.nat_port) } else { other };
    let translated = (value.nat_addr, value.nat_port);
    let (alias, _) =
        CtKey::canonical(Zone::NodeSnat, (key.proto, key.type_class), translated, other);
    Some(alias)
}

/// Limits of the collector.
#[derive(Clone, Copy, Debug)]
pub struct CollectorOptions {
    /// Entries that one step looks at.
    pub slice: u32,
    /// Room of the table. One endpoint may use a quarter of it, and all strangers together half of it.
    pub capacity: u32,
}

impl CollectorOptions {
    /// Returns how many entries an endpoint or [`STRANGERS`] may have.
    fn share(&self, opener: u32) -> u32 {
        let part = if opener == STRANGERS { 2 } else { 4 };
        (self.capacity / part).max(1)
    }

    /// Returns what to think of so many entries.
    fn room(&self, entries: u64) -> Room {
        // Three quarters.
        if entries * 4 >= u64::from(self.capacity) * 3 { Room::Scarce } else { Room::Ample }
    }
}

/// What a complete pass over the table found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Entries seen.
    pub seen: u64,
    /// Entries removed.
    pub removed: u64,
}

/// Walks the conntrack table slice by slice; removes what expired and publishes quotas.
pub struct ConntrackCollector<S: MapStore> {
    store: Arc<S>,
    options: CollectorOptions,
    cursor: S::Cursor<ConntrackTable>,
    pass: Sweep,
    room: Room,
    entries: BTreeMap<u32, u32>,
    published: BTreeMap<u32, AdmissionQuota>,
}

impl<S: MapStore> std::fmt::Debug for ConntrackCollector<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConntrackCollector").field("pass", &self.pass).finish_non_exhaustive()
    }
}

impl<S: MapStore> ConntrackCollector<S> {
    /// Makes a collector that starts at the beginning of the table.
    pub fn new(store: Arc<S>, options: CollectorOptions) -> Self {
        Self {
            store,
            options,
            cursor: S::Cursor::default(),
            pass: Sweep::default(),
            room: Room::default(),
            entries: BTreeMap::new(),
            published: BTreeMap::new(),
        }
    }

    /// Looks at one slice; returns the totals when it was the last one of a pass. `now` is monotonic
    /// time in nanoseconds, as the programs write it. Time-outs are those of the configuration map.
    ///
    /// # Errors
    /// When the kernel refuses a system call; the next step goes on behind the slice.
    pub fn step(&mut self, now: u64) -> Result<Option<Sweep>, MapError> {
        let timeouts = self.timeouts()?;
        let slice =
            self.store.slice::<ConntrackTable>(&mut self.cursor, self.options.slice as usize)?;
        let mut tracked = Vec::new();
        let mut aliases = Vec::new();
        for (key, value) in &slice.entries {
            match judge(key, value, now, &timeouts, self.room) {
                Fate::Keep if self.has_room_for(key, value) => {}
                Fate::Keep | Fate::Expired => {
                    tracked.push(*key);
                    aliases.extend(alias_of(key, value));
                }
                Fate::Invalid => tracked.push(*key),
                // The tracked entry is written first, so an alias without one is an orphan.
                Fate::FollowsTracked => {
                    if self.store.get::<ConntrackTable>(&value.alias)?.is_none() {
                        aliases.push(*key);
                    }
                }
            }
        }
        self.pass.seen += slice.entries.len() as u64;
        self.pass.removed += (tracked.len() + aliases.len()) as u64;
        // An alias without its tracked entry counts as absent, so this order is safe at any moment.
        self.store.delete_all::<ConntrackTable>(&tracked)?;
        self.store.delete_all::<ConntrackTable>(&aliases)?;
        if !slice.last {
            return Ok(None);
        }
        self.cursor = S::Cursor::default();
        let pass = std::mem::take(&mut self.pass);
        self.room = self.options.room(pass.seen.saturating_sub(pass.removed));
        self.publish()?;
        Ok(Some(pass))
    }

    /// Counts a connection as its opener's. When room is scarce, strangers have none beyond their share for
    /// what is dispensable.
    fn has_room_for(&mut self, key: &CtKey, value: &CtValue) -> bool {
        let Some(opener) = opener(key, value) else { return true };
        let entries = self.entries.entry(opener).or_default();
        let is_beyond = opener == STRANGERS && *entries >= self.options.share(opener);
        if is_beyond && self.room == Room::Scarce && is_dispensable(key, value) {
            return false;
        }
        *entries += 1;
        true
    }

    fn timeouts(&self) -> Result<Timeouts, MapError> {
        let config = self.store.get::<ConfigTable>(&0)?;
        Ok(config.filter(|c| c.abi_version != 0).map_or(DEFAULT_TIMEOUTS, |c| c.timeouts))
    }

    /// Writes what changed since the last pass.
    fn publish(&mut self) -> Result<(), MapError> {
        let current: BTreeMap<u32, AdmissionQuota> = std::mem::take(&mut self.entries)
            .into_iter()
            .map(|(opener, entries)| {
                let exhausted = u32::from(entries >= self.options.share(opener));
                (opener, AdmissionQuota { exhausted, entries })
            })
            .collect();
        for (endpoint, quota) in &current {
            if self.published.get(endpoint) != Some(quota) {
                self.store.put::<QuotaTable>(endpoint, quota)?;
            }
        }
        for endpoint in self.published.keys().filter(|endpoint| !current.contains_key(endpoint)) {
            self.store.delete::<QuotaTable>(endpoint)?;
        }
        self.published = current;
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests/conntrack.rs"]
mod tests;
