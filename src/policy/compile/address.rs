//! Classes of addresses: which prefixes rules tell apart.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{atom::Atom, identity::Scope, table::number};

/// Which atoms mean an address, for pods and nodes and for the world.
type Meaning = (Vec<usize>, Vec<usize>);

/// Prefixes and their classes. Class 0 is everything else: no rule speaks of such addresses.
#[derive(Debug, Default)]
pub(super) struct AddressClasses {
    /// Longest prefixes win.
    pub(super) prefixes: BTreeMap<IpNet, u16>,
    meanings: Vec<Meaning>,
}

impl AddressClasses {
    pub(super) fn of(atoms: &[Atom]) -> Self {
        let mut told: BTreeSet<IpNet> = BTreeSet::new();
        for cidrs in atoms.iter().flat_map(|atom| &atom.cidrs) {
            told.insert(cidrs.prefix);
            told.extend(&cidrs.except);
        }
        let mut classes = Self { prefixes: BTreeMap::new(), meanings: vec![Meaning::default()] };
        let mut known: BTreeMap<Meaning, u16> = BTreeMap::from([(Meaning::default(), 0)]);
        for net in told {
            let of = |scope| {
                let means = |(n, atom): (usize, &Atom)| atom.means_addr(&net, scope).then_some(n);
                atoms.iter().enumerate().filter_map(means).collect()
            };
            let meaning = (of(Scope::Pod), of(Scope::World));
            let class = *known.entry(meaning.clone()).or_insert_with(|| {
                classes.meanings.push(meaning);
                number(classes.meanings.len() - 1)
            });
            classes.prefixes.insert(net, class);
        }
        classes
    }

    /// Returns how many classes there are.
    pub(super) fn count(&self) -> u16 {
        number(self.meanings.len())
    }

    /// Returns the atoms that mean a class's addresses, by those of a scope.
    pub(super) fn meaning(&self, class: u16, scope: Scope) -> &[usize] {
        let (inside, world) = &self.meanings[usize::from(class)];
        if scope == Scope::World { world } else { inside }
    }
}
