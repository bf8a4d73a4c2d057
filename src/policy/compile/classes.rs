//! Classes of identities: which identities rules tell apart.

use std::collections::{BTreeMap, HashMap};

use super::{
    atom::Atom,
    identity::{KnownIdentity, Scope},
    table::number,
};
use crate::{model::Identity, policy::judge::PeerMatcher};

/// What rules tell of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class {
    /// The atoms that mean it, whatever its address.
    pub(super) meant: Vec<usize>,
    /// The atoms that would mean it by address: it names the port.
    pub(super) name_port: Vec<usize>,
    pub(super) scope: Scope,
    /// Whether it is the subject's own node.
    pub(super) is_localhost: bool,
}

impl Class {
    /// That of whom nothing is known.
    pub(super) const UNKNOWN: Self = Self {
        meant: Vec::new(),
        name_port: Vec::new(),
        scope: Scope::Unknown,
        is_localhost: false,
    };

    /// Finds out what the atoms tell of an identity.
    pub(super) fn of(
        identity: &KnownIdentity,
        atoms: &[Atom],
        matcher: &PeerMatcher<'_>,
        is_localhost: bool,
    ) -> Self {
        let (mut meant, mut name_port) = (Vec::new(), Vec::new());
        for (n, atom) in atoms.iter().enumerate() {
            if atom.means(identity, matcher) {
                meant.push(n);
            }
            if atom.only_with.is_some() && atom.has_port(identity) {
                name_port.push(n);
            }
        }
        Self { meant, name_port, scope: identity.scope(), is_localhost }
    }
}

/// Classes by number, and the identities that are not in their scope's. The first classes are those of
/// the scopes.
#[derive(Debug)]
pub(super) struct IdentityClasses {
    /// Classes of identities that differ from their scope's class.
    pub(super) numbers: BTreeMap<Identity, u16>,
    classes: Vec<Class>,
    known: HashMap<Class, u16>,
}

impl IdentityClasses {
    /// Sorts identities. A scope's class is the largest one in it; a scope without identities has that
    /// of the unknown ones.
    pub(super) fn of(identities: impl Iterator<Item = (Identity, Class)>) -> Self {
        let mut members: BTreeMap<Class, Vec<Identity>> = BTreeMap::new();
        for (identity, class) in identities {
            members.entry(class).or_default().push(identity);
        }
        let mut sorted =
            Self { numbers: BTreeMap::new(), classes: Vec::new(), known: HashMap::new() };
        for scope in Scope::ALL {
            let of_scope = members.iter().filter(|(class, _)| class.scope == scope);
            let largest = of_scope.max_by_key(|(_, members)| members.len());
            let default = largest.map_or(Class::UNKNOWN, |(class, _)| class.clone());
            members.remove(&default);
            // Several scopes may be without identities: the class of the unknown stays the first.
            sorted.known.entry(default.clone()).or_insert(number(sorted.classes.len()));
            sorted.classes.push(default);
        }
        for (class, members) in members {
            let own = sorted.number_of(class);
            sorted.numbers.extend(members.into_iter().map(|identity| (identity, own)));
        }
        sorted
    }

    /// Puts an identity into its class, or a new one. Returns the class if its members must be told.
    pub(super) fn insert(&mut self, identity: Identity, class: Class) -> Option<u16> {
        let default = class.scope.class();
        let own = self.number_of(class);
        if own == default {
            self.numbers.remove(&identity);
            return None;
        }
        self.numbers.insert(identity, own);
        Some(own)
    }

    /// Returns how many classes there are.
    pub(super) fn count(&self) -> u16 {
        number(self.classes.len())
    }

    /// Returns a class.
    pub(super) fn get(&self, class: u16) -> &Class {
        &self.classes[usize::from(class)]
    }

    fn number_of(&mut self, class: Class) -> u16 {
        *self.known.entry(class).or_insert_with_key(|class| {
            self.classes.push(class.clone());
            number(self.classes.len() - 1)
        })
    }
}
