//! Compiled policies and their map entries.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use skep_bpf::abi::policy;
use tracing::error;

use super::{
    population::{self, Population},
    rules::RuleBook,
    state::PolicyError,
};
use crate::{
    flows::RuleInfo,
    maps::{
        self, Desired, IdentityTable, MapError, MapStore, PolicyAddrTable, PolicyCellTable,
        PolicyEntries, PolicyIdentityTable, PolicyPortTable,
    },
    model::Identity,
    policy::{
        compile::{Cell, KnownIdentity, Roster, Subject, Table, compile},
        judge::PeerMatcher,
        parse::Compat,
        rule::{Peer, Peers},
    },
};

/// Entries that nobody names any more stay this long: programs that have read the number before it was
/// taken away are done by then, many times over.
const GRACE: Duration = Duration::from_secs(1);

/// A policy in the maps.
#[derive(Debug)]
struct Live {
    number: u32,
    subject: Subject,
    table: Table,
    /// It must be compiled again before it is given to anybody.
    stale: bool,
}

/// All policies in the maps.
#[derive(Debug)]
pub(super) struct Tables<M> {
    store: Arc<M>,
    live: Vec<Live>,
    retired: VecDeque<(Instant, Live)>,
    next: u32,
    book: RuleBook,
    entries: Entries,
    /// When endpoints had no policies of an earlier process any more.
    switched: Option<Instant>,
}

/// Desired contents of the maps.
#[derive(Debug, Default)]
pub(in crate::agent) struct Entries {
    pub(in crate::agent) identities: Desired<PolicyIdentityTable>,
    pub(in crate::agent) addresses: Desired<PolicyAddrTable>,
    pub(in crate::agent) ports: Desired<PolicyPortTable>,
    pub(in crate::agent) cells: Desired<PolicyCellTable>,
    /// Known identities: written when every policy can tell them, removed before any forgets them.
    pub(in crate::agent) known: Desired<IdentityTable>,
}

impl Entries {
    /// Writes the entries of a policy that nobody has been told of yet.
    fn put(&mut self, entries: &PolicyEntries, store: &impl MapStore) -> Result<(), MapError> {
        self.cells.put_all(store, &entries.cells)?;
        self.ports.put_all(store, &entries.ports)?;
        self.addresses.put_all(store, &entries.addresses)?;
        self.identities.put_all(store, &entries.identities)
    }

    fn unset(&mut self, entries: &PolicyEntries) {
        entries.identities.iter().for_each(|(key, _)| self.identities.unset(key));
        entries.addresses.iter().for_each(|(key, _)| self.addresses.unset(key));
        entries.ports.iter().for_each(|(key, _)| self.ports.unset(key));
        entries.cells.iter().for_each(|(key, _)| self.cells.unset(key));
    }

    /// Takes back entries that nobody has been told of.
    fn remove(&mut self, entries: &PolicyEntries, store: &impl MapStore) -> Result<(), MapError> {
        let PolicyEntries { identities, addresses, ports, cells } = entries;
        identities.iter().try_for_each(|(key, _)| self.identities.remove(store, key))?;
        addresses.iter().try_for_each(|(key, _)| self.addresses.remove(store, key))?;
        ports.iter().try_for_each(|(key, _)| self.ports.remove(store, key))?;
        cells.iter().try_for_each(|(key, _)| self.cells.remove(store, key))
    }

    fn write(&mut self, store: &impl MapStore) -> Result<(), MapError> {
        // A class may be told only when its cells are there.
        self.cells.write(store)?;
        self.ports.write(store)?;
        self.addresses.write(store)?;
        self.identities.write(store)?;
        Ok(())
    }

    fn prune(&mut self, store: &impl MapStore) -> Result<(), MapError> {
        self.identities.prune(store)?;
        self.addresses.prune(store)?;
        self.ports.prune(store)?;
        self.cells.prune(store)?;
        Ok(())
    }

    fn adopt(&mut self, store: &impl MapStore) -> Result<(), MapError> {
        self.known.adopt(store)?;
        self.identities.adopt(store)?;
        self.addresses.adopt(store)?;
        self.ports.adopt(store)?;
        self.cells.adopt(store)
    }
}

impl<M: MapStore> Tables<M> {
    /// Takes over the maps. What an earlier process left counts until [`Tables::prune`].
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(super) fn open(store: Arc<M>, population: &Population) -> Result<Self, MapError> {
        let mut entries = Entries::default();
        entries.adopt(&*store)?;
        let used = store.entries::<PolicyCellTable>()?;
        let used = used.iter().map(|(key, _)| key.policy & !policy::BY_ADDRESS).max();
        let next = used.map_or(policy::FIRST, |last| last + 1);
        for identity in population.roster().iter() {
            entries.known.set(identity.number.0, population::value(identity));
        }
        let (live, retired, book) = Default::default();
        Ok(Self { store, live, retired, next, book, entries, switched: None })
    }

    /// Returns the number of a subject's policy; compiles and writes it if there is none yet.
    ///
    /// # Errors
    /// When it is too large, or a map refuses; nothing has changed then.
    pub(super) fn number(
        &mut self,
        grounds: (&PeerMatcher<'_>, Compat),
        subject: Subject,
        roster: &Roster,
    ) -> Result<u32, PolicyError> {
        if subject.is_open() {
            return Ok(policy::OPEN);
        }
        if let Some(live) = self.live.iter().find(|live| !live.stale && live.subject == subject) {
            return Ok(live.number);
        }
        let table = compile(grounds, &subject, roster)?;
        let number = self.draw(&table);
        let entries = encode(&mut self.book, &table, number);
        if let Err(error) = self.entries.put(&entries, &*self.store) {
            self.entries.remove(&entries, &*self.store)?;
            return Err(error.into());
        }
        self.live.push(Live { number, subject, table, stale: false });
        Ok(number)
    }

    /// Numbers are used once: entries of a former policy are never taken for those of another.
    fn draw(&mut self, table: &Table) -> u32 {
        let number = self.next;
        self.next = (number + 1) % policy::BY_ADDRESS;
        if self.next < policy::FIRST {
            self.next = policy::FIRST;
        }
        let flag = if table.addresses().is_empty() { 0 } else { policy::BY_ADDRESS };
        number | flag
    }

    /// Makes an identity known, and its class before that. Policies that cannot take it in are marked.
    ///
    /// # Errors
    /// When a map refuses: the identity is not known then, and tried again by the next repair.
    pub(super) fn add(
        &mut self,
        identity: &KnownIdentity,
        matcher: &PeerMatcher<'_>,
    ) -> Result<(), MapError> {
        for live in &mut self.live {
            let had = live.table.identities().contains_key(&identity.number);
            let Ok(addition) = live.table.add(identity, matcher) else {
                live.stale = true;
                continue;
            };
            let policy = live.number;
            for (key, cell) in &addition.cells {
                let table = &live.table;
                let rule = self.book.number(cell, table.direction(), table.isolating());
                self.entries.cells.set(maps::cell_key(policy, *key), maps::cell(cell, rule));
            }
            let key = skep_bpf::abi::PolicyIdentityKey { policy, identity: identity.number.0 };
            match addition.class {
                Some(class) => self.entries.identities.set(key, class.into()),
                None if had => self.entries.identities.unset(&key),
                None => {}
            }
        }
        self.entries.known.set(identity.number.0, population::value(identity));
        self.write()
    }

    /// Makes an identity unknown, then forgets its classes.
    ///
    /// # Errors
    /// When a map refuses; tried again by the next repair.
    pub(super) fn remove(&mut self, identity: Identity) -> Result<(), MapError> {
        self.entries.known.remove(&*self.store, &identity.0)?;
        for live in &mut self.live {
            if live.table.remove(identity) {
                let policy = live.number;
                let key = skep_bpf::abi::PolicyIdentityKey { policy, identity: identity.0 };
                self.entries.identities.unset(&key);
            }
        }
        Ok(())
    }

    /// Tells whether a policy must be compiled again.
    pub(super) fn any_stale(&self) -> bool {
        self.live.iter().any(|live| live.stale)
    }

    /// Returns the numbers of policies that must be compiled again.
    pub(super) fn stale(&self) -> Vec<u32> {
        self.live.iter().filter(|live| live.stale).map(|live| live.number).collect()
    }

    /// Marks the policies whose rules refer to groups or services.
    pub(super) fn outside_changed(&mut self) {
        for live in &mut self.live {
            live.stale |= live.subject.rules.iter().any(|rule| refers_outside(&rule.peers));
        }
    }

    /// Retires all policies but those in use.
    pub(super) fn keep(&mut self, is_used: impl Fn(u32) -> bool, now: Instant) {
        let (kept, gone): (Vec<Live>, Vec<Live>) =
            std::mem::take(&mut self.live).into_iter().partition(|live| is_used(live.number));
        self.live = kept;
        self.switched.get_or_insert(now);
        self.retired.extend(gone.into_iter().map(|live| (now, live)));
    }

    /// Removes what was retired long enough ago, and what nobody has ever wanted.
    ///
    /// # Errors
    /// When a map refuses.
    pub(super) fn prune(&mut self, now: Instant) -> Result<(), MapError> {
        if self.switched.is_none_or(|at| now < at + GRACE) {
            return Ok(());
        }
        while let Some((_, live)) = self.retired.pop_front_if(|(at, _)| now >= *at + GRACE) {
            self.entries.unset(&maps::encode(&live.table, live.number, |_| 0));
        }
        self.entries.known.prune(&*self.store)?;
        self.entries.prune(&*self.store)?;
        let used: std::collections::HashSet<u32> =
            self.entries.cells.desired().values().map(|cell| cell.rule_id).collect();
        self.book.retain(|number| used.contains(&number));
        Ok(())
    }

    /// Reads the maps again and writes what is missing or differs.
    ///
    /// # Errors
    /// When a map refuses.
    pub(super) fn repair(&mut self) -> Result<(), MapError> {
        self.entries.adopt(&*self.store)?;
        self.write()
    }

    /// Writes what is missing.
    ///
    /// # Errors
    /// When a map refuses.
    pub(super) fn write(&mut self) -> Result<(), MapError> {
        self.entries.write(&*self.store)?;
        self.entries.known.write(&*self.store)?;
        Ok(())
    }

    /// Returns what the maps should hold.
    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Returns how many policies there are.
    pub(super) fn count(&self) -> usize {
        self.live.len()
    }

    /// Returns what a rule's number stands for.
    pub(super) fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.book.name(number)
    }

    pub(super) fn store(&self) -> &M {
        &self.store
    }
}

#[expect(clippy::mutable_key_type, reason = "a rule is told from others by where it is")]
fn encode(book: &mut RuleBook, table: &Table, number: u32) -> PolicyEntries {
    let (direction, isolating) = (table.direction(), table.isolating());
    // Few rules decide many cells.
    let mut numbers: HashMap<Cell, u32> = HashMap::new();
    maps::encode(table, number, |cell| {
        if let Some(known) = numbers.get(cell) {
            return *known;
        }
        let number = book.number(cell, direction, isolating);
        numbers.insert(cell.clone(), number);
        number
    })
}

fn refers_outside(peers: &Peers) -> bool {
    let Peers::Of(list) = peers else { return false };
    list.iter().any(|peer| matches!(peer, Peer::CidrGroup { .. } | Peer::Services(_)))
}

/// Says what a map refused.
pub(super) fn report(problem: &MapError) {
    error!(map = problem.map, source = %problem.source, "policy map not written");
}
