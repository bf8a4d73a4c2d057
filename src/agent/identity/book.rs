//! The identities that the cluster has.

use std::collections::{BTreeMap, BTreeSet};

use super::probe;
use crate::{
    kubernetes::{Change, IdentityObject},
    model::{Identity, Labels},
};

/// What the watch says about identities, ready for look-ups both ways.
///
/// Several live numbers may carry one label set: each is resolved by its own labels and all are
/// honoured. Objects whose number is not a candidate of their labels are ignored, so whoever can
/// only create identity objects cannot give labels to a number that others use.
#[derive(Debug, Default)]
pub(in crate::agent) struct Book {
    by_number: BTreeMap<Identity, IdentityObject>,
    by_labels: BTreeMap<Labels, BTreeSet<Identity>>,
}

/// The numbers that a change touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Touched {
    /// New ones.
    pub(in crate::agent) added: Vec<IdentityObject>,
    /// Numbers that are gone.
    pub(in crate::agent) removed: Vec<Identity>,
}

impl Book {
    /// Takes in what the watch said.
    pub(in crate::agent) fn apply(&mut self, change: Change<IdentityObject>) -> Touched {
        let mut touched = Touched::default();
        match change {
            Change::Listed(all) => {
                let listed: BTreeSet<_> = all.iter().map(|object| object.identity).collect();
                let gone: Vec<_> = self
                    .by_number
                    .keys()
                    .copied()
                    .filter(|known| !listed.contains(known))
                    .collect();
                for identity in gone {
                    self.remove(identity, &mut touched);
                }
                all.into_iter().for_each(|object| self.put(object, &mut touched));
            }
            Change::Changed(object) => self.put(object, &mut touched),
            Change::Gone(key) => {
                if let Ok(number) = key.parse() {
                    self.remove(Identity(number), &mut touched);
                }
            }
        }
        touched
    }

    /// Returns the object of a number.
    pub(in crate::agent) fn object(&self, identity: Identity) -> Option<&IdentityObject> {
        self.by_number.get(&identity)
    }

    /// Returns the identity that new users of a label set take: the first live one in probe order.
    pub(in crate::agent) fn lookup(&self, labels: &Labels) -> Option<&IdentityObject> {
        let numbers = self.by_labels.get(labels)?;
        let first = numbers.iter().min_by_key(|number| probe::position(labels, **number))?;
        self.by_number.get(first)
    }

    /// Returns all of them.
    pub(in crate::agent) fn objects(&self) -> impl Iterator<Item = &IdentityObject> {
        self.by_number.values()
    }

    fn put(&mut self, object: IdentityObject, touched: &mut Touched) {
        let identity = object.identity;
        if probe::position(&object.labels, identity).is_none() {
            self.remove(identity, touched);
            return;
        }
        match self.by_number.insert(identity, object.clone()) {
            Some(before) if before.labels == object.labels => return,
            Some(before) => {
                self.unlink(&before);
                // Labels of a number never change: it was removed and given to others.
                touched.removed.push(identity);
            }
            None => {}
        }
        touched.added.push(object.clone());
        self.by_labels.entry(object.labels).or_default().insert(identity);
    }

    fn remove(&mut self, identity: Identity, touched: &mut Touched) {
        if let Some(before) = self.by_number.remove(&identity) {
            self.unlink(&before);
            touched.removed.push(identity);
        }
    }

    fn unlink(&mut self, object: &IdentityObject) {
        if let Some(numbers) = self.by_labels.get_mut(&object.labels) {
            numbers.remove(&object.identity);
            if numbers.is_empty() {
                self.by_labels.remove(&object.labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(app: &str) -> Labels {
        [("k8s:app", app)].into_iter().collect()
    }

    fn object(app: &str, round: usize) -> IdentityObject {
        let labels = labels(app);
        let identity = probe::probes(&labels).nth(round).unwrap();
        IdentityObject { identity, labels, retired: false }
    }

    #[test]
    fn the_first_live_number_in_probe_order_is_taken_and_all_are_known() {
        let mut book = Book::default();
        book.apply(Change::Changed(object("web", 5)));
        book.apply(Change::Changed(object("web", 2)));
        assert_eq!(book.lookup(&labels("web")), Some(&object("web", 2)));
        assert_eq!(book.objects().count(), 2);
        book.apply(Change::Gone(object("web", 2).key()));
        assert_eq!(book.lookup(&labels("web")), Some(&object("web", 5)));
    }

    #[test]
    fn a_number_that_the_labels_do_not_hash_to_is_ignored() {
        let mut book = Book::default();
        let stranger =
            (256..).map(Identity).find(|number| probe::position(&labels("web"), *number).is_none());
        let forged = IdentityObject { identity: stranger.unwrap(), ..object("web", 0) };
        assert_eq!(book.apply(Change::Changed(forged)), Touched::default());
        assert_eq!(book.lookup(&labels("web")), None);
    }

    #[test]
    fn a_list_replaces_what_was_known() {
        let mut book = Book::default();
        book.apply(Change::Listed(vec![object("web", 0), object("db", 0)]));
        let touched = book.apply(Change::Listed(vec![object("db", 0), object("api", 0)]));
        assert_eq!(touched.added, [object("api", 0)]);
        assert_eq!(touched.removed, [object("web", 0).identity]);
    }

    use crate::kubernetes::Watched;
}
