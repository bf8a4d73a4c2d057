//! Which endpoint goes into which slice.

use std::collections::{BTreeMap, BTreeSet};

use crate::{kubernetes::crd::SliceEndpoint, model::EndpointId};

/// Endpoints in one slice at most.
pub(super) const LIMIT: usize = 64;

/// An endpoint stays in its slice as long as it lives, so that a change of one endpoint is a
/// change of one small object.
#[derive(Debug, Default)]
pub(super) struct Packing {
    places: BTreeMap<EndpointId, u32>,
    slices: BTreeMap<u32, BTreeSet<EndpointId>>,
    written: BTreeMap<u32, Vec<SliceEndpoint>>,
}

/// One request to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// A slice gets these endpoints.
    Put(u32, Vec<SliceEndpoint>),
    /// A slice goes.
    Delete(u32),
}

impl Packing {
    /// Takes in what the API server has.
    pub(super) fn adopt(&mut self, present: BTreeMap<u32, Vec<SliceEndpoint>>) {
        self.written = present;
    }

    /// Returns the requests that publish `wanted`. Slices that gain an endpoint come before those
    /// that only lose some: an address that moves to another slice is never absent.
    pub(super) fn plan(&mut self, wanted: &BTreeMap<EndpointId, SliceEndpoint>) -> Vec<Write> {
        self.arrange(wanted);
        let mut contents: BTreeMap<u32, Vec<SliceEndpoint>> = BTreeMap::new();
        for (id, endpoint) in wanted {
            contents.entry(self.places[id]).or_default().push(endpoint.clone());
        }
        let (mut gaining, mut losing, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        for (index, endpoints) in &contents {
            match self.written.get(index) {
                Some(before) if before == endpoints => {}
                Some(before) if endpoints.iter().all(|endpoint| before.contains(endpoint)) => {
                    losing.push(Write::Put(*index, endpoints.clone()));
                }
                _ => gaining.push(Write::Put(*index, endpoints.clone())),
            }
        }
        for index in self.written.keys().filter(|index| !contents.contains_key(*index)) {
            empty.push(Write::Delete(*index));
        }
        gaining.into_iter().chain(losing).chain(empty).collect()
    }

    /// Notes that a request was granted.
    pub(super) fn done(&mut self, write: Write) {
        match write {
            Write::Put(index, endpoints) => drop(self.written.insert(index, endpoints)),
            Write::Delete(index) => drop(self.written.remove(&index)),
        }
    }

    fn arrange(&mut self, wanted: &BTreeMap<EndpointId, SliceEndpoint>) {
        self.places.retain(|id, index| {
            let stays = wanted.contains_key(id);
            if !stays && let Some(slice) = self.slices.get_mut(index) {
                slice.remove(id);
            }
            stays
        });
        self.slices.retain(|_, slice| !slice.is_empty());
        for id in wanted.keys() {
            if self.places.contains_key(id) {
                continue;
            }
            let index = (0..)
                .find(|index| self.slices.get(index).is_none_or(|slice| slice.len() < LIMIT))
                .expect("some slice has room");
            self.slices.entry(index).or_default().insert(*id);
            self.places.insert(*id, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint(n: u32) -> SliceEndpoint {
        SliceEndpoint { pod: format!("p{n}"), incarnation: n, ..SliceEndpoint::default() }
    }

    fn wanted(ids: &BTreeSet<u32>) -> BTreeMap<EndpointId, SliceEndpoint> {
        ids.iter().map(|n| (EndpointId(*n), endpoint(*n))).collect()
    }

    #[test]
    fn one_change_is_one_request() {
        let mut packing = Packing::default();
        let all: BTreeSet<u32> = (1..=200).collect();
        for write in packing.plan(&wanted(&all)) {
            packing.done(write);
        }
        let fewer: BTreeSet<u32> = all.iter().copied().filter(|n| *n != 70).collect();
        let writes = packing.plan(&wanted(&fewer));
        assert!(matches!(&writes[..], [Write::Put(1, endpoints)] if endpoints.len() == 63));
    }

    #[test]
    fn slices_that_gain_come_before_those_that_lose() {
        let mut packing = Packing::default();
        packing.adopt(BTreeMap::from([(3, vec![endpoint(1), endpoint(2)])]));
        let writes = packing.plan(&wanted(&BTreeSet::from([1])));
        assert!(matches!(&writes[..], [Write::Put(0, _), Write::Delete(3)]));
    }

    proptest! {
        #[test]
        fn what_is_published_is_what_is_wanted(
            steps in proptest::collection::vec(proptest::collection::btree_set(0u32..300, 0..150), 1..6),
            refused in proptest::collection::vec(any::<bool>(), 64),
        ) {
            let mut packing = Packing::default();
            let mut server: BTreeMap<u32, Vec<SliceEndpoint>> = BTreeMap::new();
            let mut apply = |packing: &mut Packing, ids: &BTreeSet<u32>, refused: &[bool]| {
                for (n, write) in packing.plan(&wanted(ids)).into_iter().enumerate() {
                    if refused.get(n).copied().unwrap_or(false) {
                        continue;
                    }
                    match &write {
                        Write::Put(index, endpoints) => {
                            assert!(endpoints.len() <= LIMIT);
                            server.insert(*index, endpoints.clone());
                        }
                        Write::Delete(index) => drop(server.remove(index)),
                    }
                    packing.done(write);
                }
                server.clone()
            };
            for ids in &steps {
                apply(&mut packing, ids, &refused);
                let server = apply(&mut packing, ids, &[]);
                let published: BTreeSet<u32> =
                    server.values().flatten().map(|endpoint| endpoint.incarnation).collect();
                prop_assert_eq!(&published, ids);
                prop_assert_eq!(server.values().map(Vec::len).sum::<usize>(), ids.len());
            }
        }
    }
}
