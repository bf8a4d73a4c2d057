//! The tables of one endpoint and direction.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    address::AddressClasses,
    atom::{Atom, named_ports},
    cell::{Cell, Ground, Yes},
    identity::{KnownIdentity, Scope},
    port::{PortClasses, PortPrefix},
};
use crate::{
    model::Identity,
    policy::{
        cluster::{Actor, NamedPort, Role},
        judge::{Judge, Mode, Packet},
        rule::{Direction, Policy, Rule},
    },
};

/// Whose tables.
#[derive(Clone, Debug)]
pub struct Subject<'r> {
    /// Which way.
    pub direction: Direction,
    /// The rules that apply, in turn.
    pub rules: Vec<(&'r Policy, &'r Rule)>,
    /// The ports that the subject names.
    pub ports: Vec<NamedPort>,
    /// Whether the subject is isolated without any rule.
    pub always: bool,
    /// Whether the subject is a host, which no rule opens to itself.
    pub is_host: bool,
}

impl<'r> Subject<'r> {
    /// Collects what applies to somebody in a direction.
    pub fn of(judge: &Judge<'r>, actor: &Actor, direction: Direction) -> Self {
        Self {
            direction,
            rules: judge.rules_of(actor, direction),
            ports: actor.ports.clone(),
            always: judge.mode == Mode::Always || actor.role == Role::Init,
            is_host: actor.role == Role::Host,
        }
    }
}

/// A class of identities: what rules tell of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    /// The atoms that mean them, whatever their addresses.
    meant: Vec<usize>,
    /// The atoms that would mean them by address: they name the port.
    name_port: Vec<usize>,
    scope: Scope,
    /// Whether they are the subject's own node.
    is_localhost: bool,
}

impl Class {
    /// Those of whom nothing is known.
    const UNKNOWN: Self = Self {
        meant: Vec::new(),
        name_port: Vec::new(),
        scope: Scope::Unknown,
        is_localhost: false,
    };
}

/// What programs look up, in this order.
#[derive(Debug)]
pub struct Table<'r> {
    /// Classes of identities that differ from their scope's class.
    pub identities: BTreeMap<Identity, u16>,
    /// Classes of addresses; longest prefixes win, anything else is class 0. Often empty.
    pub addresses: BTreeMap<IpNet, u16>,
    /// Classes of ports; longest prefixes win, anything else is class 0.
    pub ports: BTreeMap<PortPrefix, u16>,
    /// Verdicts by class of identity, address and port. Where one is absent, that of the identity's
    /// scope counts.
    pub cells: HashMap<(u16, u16, u16), Cell<'r>>,
}

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
pub fn compile<'r>(
    judge: &Judge<'r>,
    subject: &Subject<'r>,
    known: &[KnownIdentity],
) -> Result<Table<'r>, TooLarge> {
    let named = match subject.direction {
        Direction::Ingress => subject.ports.clone(),
        Direction::Egress => named_ports(known),
    };
    let rules = subject.rules.iter();
    let mut atoms: Vec<Atom<'r>> =
        rules.flat_map(|&rule| Atom::cut(rule, &named, &judge.peers)).collect();
    atoms.sort_by_key(Atom::rank);
    let mut isolating: Vec<&'r Policy> = Vec::new();
    for (policy, _) in subject.rules.iter().filter(|(_, rule)| rule.isolates) {
        if isolating.iter().all(|own| !std::ptr::eq(*own, *policy)) {
            isolating.push(policy);
        }
    }
    let ground = Ground { compat: judge.compat, isolating, always: subject.always };
    let builder = Builder { judge, subject, atoms: &atoms, ground };
    builder.table(known)
}

struct Builder<'b, 'r> {
    judge: &'b Judge<'r>,
    subject: &'b Subject<'r>,
    atoms: &'b [Atom<'r>],
    ground: Ground<'r>,
}

impl<'r> Table<'r> {
    /// Looks a verdict up, as programs do.
    pub fn look_up(
        &self,
        (identity, scope): (Identity, Scope),
        addr: IpAddr,
        packet: Packet,
    ) -> Option<&Cell<'r>> {
        let default = scope.class();
        let class = match scope {
            Scope::Unknown => default,
            _ => self.identities.get(&identity).copied().unwrap_or(default),
        };
        let nets = self.addresses.iter().filter(|(net, _)| net.contains(&addr));
        let address = nets.max_by_key(|(net, _)| net.prefix_len()).map_or(0, |(_, class)| *class);
        let prefixes = self.ports.iter();
        let prefixes = prefixes.filter(|(p, _)| p.contains(packet.protocol, packet.port));
        let port = prefixes.max_by_key(|(p, _)| p.length).map_or(0, |(_, class)| *class);
        let cell = self.cells.get(&(class, address, port));
        cell.or_else(|| self.cells.get(&(default, address, port)))
    }
}

impl<'r> Builder<'_, 'r> {
    fn table(&self, known: &[KnownIdentity]) -> Result<Table<'r>, TooLarge> {
        let (classes, identities) = self.identity_classes(known);
        let addresses = AddressClasses::of(self.atoms);
        let ports = PortClasses::of(self.atoms);
        if number(classes.len()).max(addresses.count()).max(ports.count()) > MOST {
            return Err(TooLarge);
        }
        let mut cells: HashMap<(u16, u16, u16), Cell<'r>> = HashMap::new();
        for (number, class) in (0..).zip(&classes) {
            for address in 0..addresses.count() {
                for port in 0..ports.count() {
                    let means = addresses.meaning(address, class.scope);
                    let cell = self.cell(class, means, ports.meaning(port));
                    let default = cells.get(&(class.scope.class(), address, port));
                    if number < Scope::COUNT || default != Some(&cell) {
                        cells.insert((number, address, port), cell);
                    }
                }
            }
        }
        Ok(Table { identities, addresses: addresses.prefixes, ports: ports.prefixes, cells })
    }

    /// Sorts identities into classes. The first ones are those of the scopes: of each scope the largest
    /// class; a scope without identities has that of the unknown ones.
    fn identity_classes(&self, known: &[KnownIdentity]) -> (Vec<Class>, BTreeMap<Identity, u16>) {
        let mut members: BTreeMap<Class, Vec<Identity>> = BTreeMap::new();
        for identity in known {
            let numbers = |is: &dyn Fn(&Atom<'_>) -> bool| {
                let atoms = self.atoms.iter().enumerate();
                atoms.filter_map(|(n, atom)| is(atom).then_some(n)).collect()
            };
            let class = Class {
                meant: numbers(&|atom| atom.means(identity, &self.judge.peers)),
                name_port: numbers(&|atom| atom.only_with.is_some() && atom.has_port(identity)),
                scope: identity.scope(),
                is_localhost: self.is_localhost(identity),
            };
            members.entry(class).or_default().push(identity.number);
        }
        let mut classes: Vec<Class> = Vec::new();
        for scope in Scope::ALL {
            let of_scope = members.iter().filter(|(class, _)| class.scope == scope);
            let largest = of_scope.max_by_key(|(_, members)| members.len());
            let default = largest.map(|(class, _)| class.clone());
            let default = default.unwrap_or(Class::UNKNOWN);
            members.remove(&default);
            classes.push(default);
        }
        let mut numbers = BTreeMap::new();
        for (class, members) in members {
            let class_number = number(classes.len());
            numbers.extend(members.into_iter().map(|identity| (identity, class_number)));
            classes.push(class);
        }
        (classes, numbers)
    }

    /// The subject's own node may always reach it, unless a rule says otherwise.
    fn is_localhost(&self, identity: &KnownIdentity) -> bool {
        self.subject.direction == Direction::Ingress
            && identity.actor.is_host()
            && !self.subject.is_host
            && !self.subject.rules.is_empty()
    }

    fn cell(&self, class: &Class, by_addr: &[usize], by_port: &[(usize, usize)]) -> Cell<'r> {
        let is_unknown = class.scope == Scope::Unknown;
        let mut yes: Vec<Yes<'_, 'r>> = Vec::new();
        for (n, atom) in self.atoms.iter().enumerate() {
            let span = match &atom.ports {
                None => None,
                Some(spans) => match by_port.iter().find(|(own, _)| *own == n) {
                    Some((_, span)) => Some(&spans[*span]),
                    None => continue,
                },
            };
            let names_port = atom.only_with.is_none() || class.name_port.contains(&n);
            let certain = class.meant.contains(&n)
                || (names_port && by_addr.contains(&n))
                || (names_port && is_unknown && atom.is_for_all);
            if certain || is_unknown {
                yes.push(Yes {
                    atom,
                    proxy: span.and_then(|span| span.proxy).map(|proxy| proxy.priority),
                    closeness: span.map_or(0, |span| span.closeness),
                    maybe: !certain,
                });
            }
        }
        self.ground.decide(&yes, class.is_localhost)
    }
}
