//! Random edits against a naive reading of the maps, and against what a program may see in between.

use std::{
    any::Any,
    collections::{BTreeSet, HashSet},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
    sync::Mutex,
};

use ipnet::IpNet;
use proptest::prelude::*;
use skep_bpf::abi::{FrontendValue, ListBlock, ListKey, MemberKey};

use super::{Extent, Left, ServiceWriter, differences, encode::range_keys, encode_frontend_key};
use crate::{
    maps::{
        BackendTable, FrontendTable, ListTable, MapError, MapStore, MemberTable, MemoryStore,
        RangeTable, Slice, Table,
    },
    model::{Addresses, Family},
    service::{
        Changes, Edit, FrontendKey, ObjectName, Protocol, Retired, Scope, Services,
        input::{
            Affinity, Conditions, Endpoint, EndpointSlice, Service, ServiceKind, ServicePort,
            SlicePort, TrafficPolicy,
        },
        maglev::Limit,
    },
};

/// A store that is looked at as a program would after every single write, and that has room for so many
/// places and no more.
#[derive(Default)]
struct Watched {
    store: MemoryStore,
    faults: Mutex<Vec<String>>,
    /// The map that is short of room, and how many entries it takes; that of backends has so many numbers.
    room: Option<(&'static str, usize)>,
}

impl Watched {
    fn look(&self) {
        let mut faults = self.faults.lock().expect("not poisoned");
        for (key, value) in self.store.entries::<FrontendTable>().expect("listed") {
            faults.extend(list_fault(&self.store, &value).map(|what| format!("{key:?} {what}")));
        }
    }

    fn is_full<T: Table>(&self, key: &T::Key) -> bool {
        self.store.get::<T>(key).expect("read").is_none()
            && self.room.is_some_and(|(map, room)| {
                let number = (key as &dyn Any).downcast_ref::<u32>();
                T::NAME == map
                    && match number {
                        Some(number) => *number as usize > room,
                        None => self.store.entries::<T>().expect("listed").len() >= room,
                    }
            })
    }
}

impl MapStore for Watched {
    type Cursor<T: Table> = <MemoryStore as MapStore>::Cursor<T>;

    fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Value>, MapError> {
        self.store.get::<T>(key)
    }
    fn put<T: Table>(&self, key: &T::Key, value: &T::Value) -> Result<(), MapError> {
        if self.is_full::<T>(key) {
            let source = std::io::Error::from_raw_os_error(libc::E2BIG);
            return Err(MapError { act: "write to", map: T::NAME, source });
        }
        self.store.put::<T>(key, value)?;
        self.look();
        Ok(())
    }
    fn delete<T: Table>(&self, key: &T::Key) -> Result<(), MapError> {
        self.store.delete::<T>(key)?;
        self.look();
        Ok(())
    }
    fn slice<T: Table>(
        &self,
        cursor: &mut Self::Cursor<T>,
        limit: usize,
    ) -> Result<Slice<T>, MapError> {
        self.store.slice::<T>(cursor, limit)
    }
}

/// Counts what is in the maps.
fn counted(store: &Watched) -> Extent {
    Extent {
        frontends: store.entries::<FrontendTable>().expect("listed").len(),
        blocks: store.entries::<ListTable>().expect("listed").len(),
        members: store.entries::<MemberTable>().expect("listed").len(),
        ranges: store.entries::<RangeTable>().expect("listed").len(),
    }
}

/// Says whether a place of a frontend's list has no backend.
fn list_fault(store: &MemoryStore, value: &FrontendValue) -> Option<String> {
    let alive: HashSet<u32> =
        store.entries::<BackendTable>().expect("listed").into_iter().map(|(id, _)| id).collect();
    let dead = list_of(store, value).iter().position(|id| !alive.contains(id))?;
    Some(format!("has nobody at place {dead} of its list"))
}

/// Returns the list of a frontend; 0 where a place is missing.
fn list_of(store: &MemoryStore, value: &FrontendValue) -> Vec<u32> {
    let size = value.places as usize;
    let blocks = 0..u32::try_from(size.div_ceil(ListBlock::PLACES)).expect("few");
    let block = |block| {
        let key = ListKey { list: value.list, block };
        store.get::<ListTable>(&key).expect("read").unwrap_or_default().backends
    };
    blocks.flat_map(block).take(size).collect()
}

/// What a test does to one of a few services.
#[derive(Clone, Debug)]
enum Act {
    Service { which: u8, affinity: bool, ranges: BTreeSet<u8> },
    Remove { which: u8 },
    Endpoints { which: u8, hosts: BTreeSet<u8> },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0_u8..3, any::<bool>(), proptest::collection::btree_set(0_u8..4, 0..3))
            .prop_map(|(which, affinity, ranges)| Act::Service { which, affinity, ranges }),
        (0_u8..3).prop_map(|which| Act::Remove { which }),
        (0_u8..3, proptest::collection::btree_set(1_u8..12, 0..9))
            .prop_map(|(which, hosts)| Act::Endpoints { which, hosts }),
    ]
}

fn number(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).expect("not 0")
}

fn name(which: u8) -> ObjectName {
    ObjectName::new("ns", format!("s{which}"))
}

fn edit(act: &Act) -> Edit {
    match act {
        Act::Remove { which } => Edit::RemoveService(name(*which)),
        Act::Service { which, affinity, ranges } => Edit::PutService(Service {
            name: name(*which),
            created: 0,
            kind: ServiceKind::LoadBalancer,
            cluster_ips: Addresses { v4: Some(Ipv4Addr::new(10, 96, 0, *which)), v6: None },
            external_ips: vec![],
            load_balancer_ips: vec![IpAddr::from([203, 0, 113, *which])],
            ports: vec![ServicePort {
                name: "".into(),
                protocol: Protocol::Tcp,
                port: number(80),
                node_port: None,
            }],
            affinity: affinity.then(Affinity::default),
            internal: TrafficPolicy::Cluster,
            external: TrafficPolicy::Cluster,
            source_ranges: (!ranges.is_empty()).then(|| ranges.iter().map(range).collect()),
            publish_not_ready: false,
            health_check_port: None,
            distribution: None,
        }),
        Act::Endpoints { which, hosts } => Edit::PutSlice(EndpointSlice {
            name: name(*which),
            service: format!("s{which}").into(),
            family: Family::V4,
            ports: vec![SlicePort { name: "".into(), protocol: Protocol::Tcp, port: number(8080) }],
            endpoints: hosts.iter().map(endpoint).collect(),
        }),
    }
}

fn range(third: &u8) -> IpNet {
    IpNet::new(IpAddr::from([198, 51, *third, 0]), 24).expect("a prefix")
}

fn endpoint(host: &u8) -> Endpoint {
    Endpoint {
        address: IpAddr::from([10, 0, 0, *host]),
        others: [].into(),
        conditions: Conditions::default(),
        node: None,
        zone: None,
        hints: None,
    }
}

/// Services, what of them is written, and numbers that rest.
#[derive(Default)]
struct Node {
    services: Services,
    writer: ServiceWriter,
    retired: Retired,
}

impl Node {
    /// Applies an edit as the agent does, until nothing is left to do.
    fn follow(&mut self, store: &Watched, edit: Edit) {
        let mut changes = self.services.apply([edit]);
        while changes != Changes::default() {
            // What does not fit is seen by who asks whether it is behind.
            let _ = self.writer.write(store, &self.services, &changes);
            self.retired.join(changes.retired);
            let mut retired = std::mem::take(&mut self.retired);
            self.retired = retired.split_off(&self.writer.named(store).expect("read"));
            ServiceWriter::remove_backends(store, retired.backends()).expect("removed");
            changes = self.services.release(retired);
        }
    }
}

/// What the checker finds and what a naive reading finds.
fn all_differences(store: &Watched, services: &Services) -> Vec<String> {
    let mut found = naive_differences(store, services);
    found.extend(differences(store, services, Limit::default()).expect("listed"));
    found
}

/// Compares the maps with what services say.
fn naive_differences(store: &Watched, services: &Services) -> Vec<String> {
    let mut found = Vec::new();
    let frontends = store.entries::<FrontendTable>().expect("listed");
    if frontends.len() != services.frontends().count() {
        found.push(format!("{} frontends", frontends.len()));
    }
    let (mut blocks, mut members) = (0, 0);
    for (key, frontend) in services.frontends() {
        let value = store.get::<FrontendTable>(&encode_frontend_key(key)).expect("read");
        let Some(value) = value else {
            found.push(format!("{} is missing", key.vip));
            continue;
        };
        let ids: HashSet<u32> = frontend.backends.candidates().iter().map(|b| b.id.0).collect();
        let list = list_of(&store.store, &value);
        blocks += list.len().div_ceil(ListBlock::PLACES);
        let places: HashSet<u32> = list.iter().copied().collect();
        if places != ids || value.backends as usize != ids.len() {
            found.push(format!("{} has {places:?}, not {ids:?}", key.vip));
        }
        let is_table = key.scope == Scope::External && ids.len() > 1;
        if list.len()
            != if is_table { Limit::default().size_for(ids.len()) as usize } else { ids.len() }
        {
            found.push(format!("{} has {} places", key.vip, list.len()));
        }
        if value.affinity != 0 {
            members += ids.len();
            let member = |id: &u32| MemberKey { service_id: value.service_id, backend_id: *id };
            let is_missing = |id| store.get::<MemberTable>(&member(id)).expect("read").is_none();
            if ids.iter().any(is_missing) {
                found.push(format!("{} lacks a member", key.vip));
            }
        }
    }
    let wanted: BTreeSet<_> =
        services.frontends().flat_map(|(key, frontend)| range_keys(key, frontend)).collect();
    let ranges: BTreeSet<_> =
        store.entries::<RangeTable>().expect("listed").into_iter().map(|(key, _)| key).collect();
    if ranges != wanted {
        found.push(format!("source ranges are {ranges:?}"));
    }
    let all = store.entries::<ListTable>().expect("listed").len();
    if all != blocks {
        found.push(format!("{all} blocks of lists, not {blocks}"));
    }
    let all = store.entries::<MemberTable>().expect("listed").len();
    if all != members {
        found.push(format!("{all} members, not {members}"));
    }
    found
}

#[test]
fn the_checker_finds_every_kind_of_damage() {
    let store = Watched::default();
    let mut node = Node::default();
    let ranges = BTreeSet::from([1]);
    node.follow(&store, edit(&Act::Service { which: 1, affinity: true, ranges }));
    let hosts = BTreeSet::from([1, 2]);
    node.follow(&store, edit(&Act::Endpoints { which: 1, hosts }));
    let services = node.services;
    assert!(differences(&store, &services, Limit::default()).expect("listed").is_empty());
    let damaged = |damage: &dyn Fn(&MemoryStore), words: &str| {
        damage(&store.store);
        let found = differences(&store, &services, Limit::default()).expect("listed");
        assert!(found.iter().any(|what| what.contains(words)), "{words}: {found:?}");
    };
    let members = store.store.entries::<MemberTable>().expect("listed");
    let ranges = store.store.entries::<RangeTable>().expect("listed");
    let backends = store.store.entries::<BackendTable>().expect("listed");
    let (key, value) = store.store.entries::<FrontendTable>().expect("listed")[0];
    let put = |store: &MemoryStore| store.put::<FrontendTable>(&key, &value).expect("written");
    let lists = store.store.entries::<ListTable>().expect("listed");
    // A table in which two backends changed places.
    let (block, mut torn) = *lists
        .iter()
        .find(|(_, block)| block.backends[..2] != block.backends[2..4])
        .expect("backends take no turns");
    let other = torn.backends.iter().position(|id| *id != torn.backends[0]).expect("two share it");
    torn.backends.swap(0, other);
    damaged(&|s| s.put::<ListTable>(&block, &torn).expect("put"), "other places");
    damaged(&|s| s.delete::<RangeTable>(&ranges[0].0).expect("deleted"), "source ranges");
    damaged(&|s| s.delete::<MemberTable>(&members[0].0).expect("deleted"), "other members");
    damaged(&|s| s.delete::<BackendTable>(&backends[0].0).expect("deleted"), "a backend");
    damaged(&|s| s.delete::<ListTable>(&lists[0].0).expect("deleted"), "other backends");
    damaged(&|s| s.delete::<FrontendTable>(&key).expect("deleted"), "is missing");
    damaged(&|s| s.put::<FrontendTable>(&key, &FrontendValue::default()).expect("put"), "differs");
    put(&store.store);
    let stray = skep_bpf::abi::FrontendKey { port: 99, ..key };
    damaged(&|s| s.put::<FrontendTable>(&stray, &value).expect("written"), "too many");
}

proptest! {
    #[test]
    fn maps_follow_and_no_program_ever_finds_a_place_without_a_backend(
        acts in proptest::collection::vec(act(), 1..24),
    ) {
        let store = Watched::default();
        let mut node = Node::default();
        for act in &acts {
            node.follow(&store, edit(act));
            let found = all_differences(&store, &node.services);
            prop_assert!(found.is_empty(), "{act:?}: {found:?}");
            prop_assert_eq!(node.writer.extent(), counted(&store));
        }
        let faults = store.faults.into_inner().expect("not poisoned");
        prop_assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn the_next_process_keeps_numbers_and_removes_what_is_gone(
        before in proptest::collection::vec(act(), 1..12),
        meanwhile in proptest::collection::vec(act(), 0..6),
    ) {
        let store = Watched::default();
        let mut node = Node::default();
        for act in &before {
            node.follow(&store, edit(act));
        }
        let services = node.services;
        let left = Left::read(&store).expect("read");
        let mut next = Services::default();
        next.adopt(left.frontends.iter().copied(), left.backends.iter().copied());
        let mut writer = ServiceWriter::new(left, Limit::default());
        let _ = next.apply(before.iter().chain(&meanwhile).map(edit));
        let retired = next.forget_unheld();
        let changed: Vec<FrontendKey> = next
            .frontends()
            .map(|(key, _)| *key)
            .chain(writer.frontends().copied())
            .collect();
        let backends = next.backends().collect();
        let changes = Changes { changed, backends, retired, ..Changes::default() };
        writer.write(&store, &next, &changes).expect("written");
        ServiceWriter::remove_backends(&store, changes.retired.backends()).expect("removed");
        let found = all_differences(&store, &next);
        prop_assert!(found.is_empty(), "{found:?}");
        for (key, frontend) in next.frontends() {
            let same = services.frontend(key).filter(|old| old.id != frontend.id);
            prop_assert!(same.is_none(), "{} has another number", key.vip);
        }
        let faults = store.faults.into_inner().expect("not poisoned");
        prop_assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_full_map_serves_what_fits_and_the_rest_once_there_is_room(
        acts in proptest::collection::vec(act(), 1..16),
        (map, room) in prop_oneof![
            (Just(MemberTable::NAME), 1_usize..12),
            (Just(BackendTable::NAME), 1_usize..12),
            (Just(ListTable::NAME), 1_usize..60),
        ],
    ) {
        let mut store = Watched { room: Some((map, room)), ..Watched::default() };
        let mut node = Node::default();
        let numbers = map == BackendTable::NAME;
        if numbers {
            node.services.set_room(u32::try_from(room).expect("few"));
        }
        for act in &acts {
            node.follow(&store, edit(act));
            // Whatever was in the way before, and whatever numbers they got then.
            if numbers && node.services.backends().count() <= room {
                let found = all_differences(&store, &node.services);
                prop_assert!(found.is_empty() && !node.writer.is_behind(), "{act:?}: {found:?}");
            }
        }
        let faults = std::mem::take(&mut *store.faults.lock().expect("not poisoned"));
        prop_assert!(faults.is_empty(), "{faults:?}");
        store.room = None;
        node.writer.write(&store, &node.services, &Changes::default()).expect("there is room");
        let found = all_differences(&store, &node.services);
        prop_assert!(found.is_empty(), "{found:?}");
    }
}
