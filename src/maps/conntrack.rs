//! Which connections are over, and the collector that removes them in small slices.
//!
//! The programs never remove an entry; they keep `last_seen`. The collector walks the table with a
//! cursor, so that no single step holds a CPU for long, and publishes after each full pass how
//! many entries every endpoint has, which the programs use to refuse more.

use std::{collections::BTreeMap, sync::Arc};

use skep_bpf::abi::{AdmissionQuota, CtKey, CtValue, OPENER, Timeouts, Zone, ct_flags, ct_kind};

use super::{ConfigTable, ConntrackTable, MapError, MapStore, QuotaTable};

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const FIN: u8 = 0x01;
const RST: u8 = 0x04;
const NANOS: u64 = 1_000_000_000;

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

/// Decides about an entry. `now` is monotonic time in nanoseconds, as the programs write it. An
/// entry from the future (the clock is read before the entry) stays.
pub fn judge(key: &CtKey, value: &CtValue, now: u64, timeouts: &Timeouts) -> Fate {
    match value.kind {
        ct_kind::ALIAS => return Fate::FollowsTracked,
        ct_kind::TRACKED => {}
        _ => return Fate::Invalid,
    }
    let seconds = match key.proto {
        TCP => tcp_timeout(value, timeouts),
        UDP | SCTP => timeouts.udp,
        _ => timeouts.other,
    };
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
    /// Room of the table. One endpoint may use a quarter of it.
    pub capacity: u32,
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
            match judge(key, value, now, &timeouts) {
                Fate::Keep => *self.entries.entry(value.endpoint[OPENER]).or_default() += 1,
                Fate::Expired => {
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
        self.publish()?;
        Ok(Some(pass))
    }

    fn timeouts(&self) -> Result<Timeouts, MapError> {
        let config = self.store.get::<ConfigTable>(&0)?;
        Ok(config.filter(|c| c.abi_version != 0).map_or(DEFAULT_TIMEOUTS, |c| c.timeouts))
    }

    /// Writes what changed since the last pass.
    fn publish(&mut self) -> Result<(), MapError> {
        let share = (self.options.capacity / 4).max(1);
        let current: BTreeMap<u32, AdmissionQuota> = std::mem::take(&mut self.entries)
            .into_iter()
            .filter(|(endpoint, _)| *endpoint != 0)
            .map(|(endpoint, entries)| {
                let exhausted = u32::from(entries >= share);
                (endpoint, AdmissionQuota { exhausted, entries })
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
