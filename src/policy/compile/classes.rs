//! Classes of identities: which identities rules tell apart.

use std::collections::{BTreeMap, HashMap};

use super::{
    atom::Atom,
    bits::Bits,
    identity::{KnownIdentity, Scope},
    roster::Roster,
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
    /// Numbers classes. A scope's class is the largest one in it; a scope without identities has that
    /// of the unknown ones.
    pub(super) fn of(mut members: BTreeMap<Class, Vec<Identity>>) -> Self {
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
        // All at once: much cheaper than one by one.
        let pairs = members.into_iter().flat_map(|(class, members)| {
            let own = sorted.number_of(class);
            members.into_iter().map(move |identity| (identity, own))
        });
        let numbers = pairs.collect();
        sorted.numbers = numbers;
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

/// Sorts all identities by what atoms tell of them.
pub(super) fn classify(
    roster: &Roster,
    atoms: &[Atom],
    matcher: &PeerMatcher<'_>,
    opens_to_node: bool,
) -> BTreeMap<Class, Vec<Identity>> {
    let mut sorting = Sorting::new(roster);
    if opens_to_node {
        sorting.split(&roster.hosts(), |class| class.is_localhost = true);
    }
    for (n, atom) in atoms.iter().enumerate() {
        let mut meant = roster.meant_by(&atom.rule, matcher);
        if let Some(port) = &atom.only_with {
            let naming = roster.naming(port);
            meant.keep(&naming);
            sorting.split(&naming, |class| class.name_port.push(n));
        }
        sorting.split(&meant, |class| class.meant.push(n));
    }
    sorting.finish(roster)
}

/// Identities on the way into classes: each atom splits those that it means from those it does not.
struct Sorting {
    /// For each place of the roster, a class.
    of_place: Vec<usize>,
    /// Classes, and how many are in each; never none but for the first, which empty places have.
    classes: Vec<(Class, usize)>,
}

impl Sorting {
    fn new(roster: &Roster) -> Self {
        let mut sorting =
            Self { of_place: vec![0; roster.len()], classes: vec![(Class::UNKNOWN, 0)] };
        for (scope, places) in roster.scopes() {
            let mut members = 0;
            for place in places.iter() {
                sorting.of_place[place] = sorting.classes.len();
                members += 1;
            }
            sorting.classes.push((Class { scope, ..Class::UNKNOWN }, members));
        }
        sorting
    }

    /// Tells the classes of these places something; those that have others, too, are split.
    fn split(&mut self, places: &Bits, tell: impl Fn(&mut Class)) {
        let mut told = vec![0; self.classes.len()];
        places.iter().for_each(|place| told[self.of_place[place]] += 1);
        let mut becomes: Vec<usize> = (0..self.classes.len()).collect();
        for (class, told) in told.into_iter().enumerate().filter(|(_, told)| *told > 0) {
            let (own, members) = &mut self.classes[class];
            if told == *members {
                tell(own);
                continue;
            }
            *members -= told;
            let mut part = own.clone();
            tell(&mut part);
            becomes[class] = self.classes.len();
            self.classes.push((part, told));
        }
        places.iter().for_each(|place| self.of_place[place] = becomes[self.of_place[place]]);
    }

    fn finish(self, roster: &Roster) -> BTreeMap<Class, Vec<Identity>> {
        let mut members = vec![Vec::new(); self.classes.len()];
        for (place, class) in self.of_place.into_iter().enumerate().filter(|(_, class)| *class != 0)
        {
            members[class].push(roster.number(place));
        }
        let classes = self.classes.into_iter().map(|(class, _)| class);
        classes.zip(members).filter(|(_, members)| !members.is_empty()).collect()
    }
}
