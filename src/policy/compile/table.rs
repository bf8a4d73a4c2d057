//! The tables of one endpoint and direction.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;

use super::{
    address::AddressClasses,
    atom::{Atom, names},
    cell::{Cell, Ground, Meant, Yes},
    classes::{Class, IdentityClasses, classify},
    identity::{KnownIdentity, Scope},
    index::RuleIndex,
    port::{PortClasses, PortPrefix},
    roster::Roster,
};
use crate::{
    model::Identity,
    policy::{
        cluster::{Actor, NamedPort, Role},
        judge::{Mode, Packet, PeerMatcher},
        parse::Compat,
        rule::{Direction, Policy, RuleRef},
    },
};

/// Whose tables. Subjects that are equal have the same tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which way.
    pub direction: Direction,
    /// The rules that apply, in turn.
    pub rules: Vec<RuleRef>,
    /// The ports that the subject names, if they matter.
    pub ports: Vec<NamedPort>,
    /// Whether the subject is isolated without any rule.
    pub always: bool,
    /// Whether the subject is a host, which no rule opens to itself.
    pub is_host: bool,
}

impl Subject {
    /// Collects what applies to somebody in a direction.
    pub fn of(rules: &RuleIndex, mode: Mode, actor: &Actor, direction: Direction) -> Self {
        let ports = match direction {
            Direction::Ingress => actor.ports.clone(),
            Direction::Egress => Vec::new(),
        };
        Self {
            direction,
            rules: rules.of(actor, direction),
            ports,
            always: mode == Mode::Always || actor.role == Role::Init,
            is_host: actor.role == Role::Host,
        }
    }

    /// Tells whether everything passes, so that no tables are needed.
    pub fn is_open(&self) -> bool {
        self.rules.is_empty() && !self.always
    }
}

/// A combination of classes: of identity, address and port.
pub type CellKey = (u16, u16, u16);

/// What programs look up, and what it takes to keep it up to date.
#[derive(Debug)]
pub struct Table {
    direction: Direction,
    atoms: Vec<Atom>,
    ground: Ground,
    /// Whether the subject's own node may always reach it.
    opens_to_node: bool,
    /// Ports that atoms were cut by.
    named: Vec<NamedPort>,
    identities: IdentityClasses,
    addresses: AddressClasses,
    ports: PortClasses,
    cells: HashMap<CellKey, Cell>,
}

/// What a new identity adds to a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// Its class, if that is not its scope's.
    pub class: Option<u16>,
    /// Cells of a class that did not exist before.
    pub cells: Vec<(CellKey, Cell)>,
}

/// A table cannot take something in; it must be compiled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table must be compiled again")]
pub struct Outgrown;

/// A policy tells more apart than its tables can: it must not be enforced in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules tell more than {MOST} kinds of identities, addresses or ports apart")]
pub struct TooLarge;

/// Most classes of a kind; the next number stands for all that have none.
const MOST: u16 = u16::MAX - 1;

/// Returns the number of a class, or one that no table may have.
pub(super) fn number(class: usize) -> u16 {
    u16::try_from(class).unwrap_or(u16::MAX)
}

/// Compiles the rules that apply to somebody against all identities that are known.
///
/// # Errors
/// When there are more classes than numbers for them.
pub fn compile(
    (matcher, compat): (&PeerMatcher<'_>, Compat),
    subject: &Subject,
    roster: &Roster,
) -> Result<Table, TooLarge> {
    let named = match subject.direction {
        Direction::Ingress => subject.ports.clone(),
        Direction::Egress => {
            let is_meant = |port: &&NamedPort| subject.rules.iter().any(|rule| names(rule, port));
            roster.named_ports().filter(is_meant).cloned().collect()
        }
    };
    let rules = subject.rules.iter();
    let mut atoms: Vec<Atom> = rules.flat_map(|rule| Atom::cut(rule, &named, matcher)).collect();
    atoms.sort_by_key(Atom::rank);
    let opens_to_node =
        subject.direction == Direction::Ingress && !subject.is_host && !subject.rules.is_empty();
    let identities = IdentityClasses::of(classify(roster, &atoms, matcher, opens_to_node));
    let (addresses, ports) = (AddressClasses::of(&atoms), PortClasses::of(&atoms));
    let isolating = isolating(&subject.rules);
    let ground = Ground { compat, isolating, always: subject.always };
    let mut table = Table {
        direction: subject.direction,
        atoms,
        ground,
        opens_to_node,
        named,
        identities,
        addresses,
        ports,
        cells: HashMap::new(),
    };
    table.check_size()?;
    for class in 0..table.identities.count() {
        table.fill(class);
    }
    Ok(table)
}

/// Returns the policies that isolate whom these rules apply to.
fn isolating(rules: &[RuleRef]) -> Vec<Arc<Policy>> {
    let mut isolating: Vec<Arc<Policy>> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.isolates) {
        if isolating.iter().all(|own| !Arc::ptr_eq(own, rule.policy())) {
            isolating.push(Arc::clone(rule.policy()));
        }
    }
    isolating
}

impl Table {
    /// Returns the direction.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Returns classes of identities that differ from their scope's class.
    pub fn identities(&self) -> &BTreeMap<Identity, u16> {
        &self.identities.numbers
    }

    /// Returns classes of addresses; longest prefixes win, anything else is class 0. Often empty.
    pub fn addresses(&self) -> &BTreeMap<IpNet, u16> {
        &self.addresses.prefixes
    }

    /// Returns classes of ports; longest prefixes win, anything else is class 0.
    pub fn ports(&self) -> &BTreeMap<PortPrefix, u16> {
        &self.ports.prefixes
    }

    /// Returns verdicts by classes. Where one is absent, that of the identity's scope counts.
    pub fn cells(&self) -> &HashMap<CellKey, Cell> {
        &self.cells
    }

    /// Returns the policies that isolate the subject in this direction.
    pub fn isolating(&self) -> &[Arc<Policy>] {
        &self.ground.isolating
    }

    /// Takes in a new identity, or one that names other ports now.
    ///
    /// # Errors
    /// When the tables must be compiled again; they are then as before.
    pub fn add(
        &mut self,
        identity: &KnownIdentity,
        matcher: &PeerMatcher<'_>,
    ) -> Result<Addition, Outgrown> {
        let is_new = |port: &NamedPort| {
            self.atoms.iter().any(|atom| names(&atom.rule, port)) && !self.named.contains(port)
        };
        let names_ports = self.direction == Direction::Egress;
        if names_ports && identity.actor.ports.iter().any(is_new) {
            return Err(Outgrown);
        }
        let is_localhost = self.opens_to_node && identity.actor.is_host();
        let class = Class::of(identity, &self.atoms, matcher, is_localhost);
        let before = self.identities.count();
        if before >= MOST {
            return Err(Outgrown);
        }
        let class = self.identities.insert(identity.number, class);
        let cells = match class {
            Some(own) if own == before => self.fill(own),
            _ => Vec::new(),
        };
        Ok(Addition { class, cells })
    }

    /// Forgets an identity; tells whether it had a class of its own.
    pub fn remove(&mut self, identity: Identity) -> bool {
        self.identities.numbers.remove(&identity).is_some()
    }

    /// Looks a verdict up, as programs do.
    pub fn look_up(
        &self,
        (identity, scope): (Identity, Scope),
        addr: IpAddr,
        packet: Packet,
    ) -> Option<&Cell> {
        let default = scope.class();
        let class = match scope {
            Scope::Unknown => default,
            _ => self.identities().get(&identity).copied().unwrap_or(default),
        };
        let nets = self.addresses().iter().filter(|(net, _)| net.contains(&addr));
        let address = nets.max_by_key(|(net, _)| net.prefix_len()).map_or(0, |(_, class)| *class);
        let prefixes = self.ports().iter();
        let prefixes = prefixes.filter(|(p, _)| p.contains(packet.protocol, packet.port));
        let port = prefixes.max_by_key(|(p, _)| p.length).map_or(0, |(_, class)| *class);
        let cell = self.cells.get(&(class, address, port));
        cell.or_else(|| self.cells.get(&(default, address, port)))
    }

    fn check_size(&self) -> Result<(), TooLarge> {
        let counts = [self.identities.count(), self.addresses.count(), self.ports.count()];
        if counts.into_iter().any(|count| count > MOST) { Err(TooLarge) } else { Ok(()) }
    }

    /// Fills in the cells of a class, but for those that are as its scope's. Returns the new ones.
    fn fill(&mut self, number: u16) -> Vec<(CellKey, Cell)> {
        let class = self.identities.get(number);
        let mut filled = Vec::new();
        for address in 0..self.addresses.count() {
            let means = self.addresses.meaning(address, class.scope);
            for port in 0..self.ports.count() {
                let cell = self.cell(class, means, self.ports.meaning(port));
                let default = self.cells.get(&(class.scope.class(), address, port));
                if number < Scope::COUNT || default != Some(&cell) {
                    filled.push(((number, address, port), cell));
                }
            }
        }
        self.cells.extend(filled.iter().cloned());
        filled
    }

    fn cell(&self, class: &Class, by_addr: &[usize], by_port: &[(usize, usize)]) -> Cell {
        let is_unknown = class.scope == Scope::Unknown;
        let mut yes: Vec<Yes<'_>> = Vec::new();
        for (n, atom) in self.atoms.iter().enumerate() {
            let span = match &atom.ports {
                None => None,
                Some(spans) => match by_port.binary_search_by_key(&n, |(own, _)| *own) {
                    Ok(found) => Some(&spans[by_port[found].1]),
                    Err(_) => continue,
                },
            };
            let names_port = atom.only_with.is_none() || class.name_port.binary_search(&n).is_ok();
            let certain = class.meant.binary_search(&n).is_ok()
                || (names_port && by_addr.binary_search(&n).is_ok())
                || (names_port && is_unknown && atom.is_for_all);
            let meant = match class.scope {
                _ if certain => Meant::Surely,
                Scope::Unknown => Meant::Perhaps,
                Scope::World if names_port && atom.allows_names => Meant::ByName,
                _ => continue,
            };
            yes.push(Yes {
                atom,
                proxy: span.and_then(|span| span.proxy),
                closeness: span.map_or(0, |span| span.closeness),
                meant,
            });
        }
        self.ground.decide(&yes, class.is_localhost)
    }
}
