//! Edits one by one, against building from scratch.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::make::*;
use crate::service::{
    BackendId, BackendKey, Changes, Edit, Frontend, FrontendKey, ObjectName, Services,
    input::{
        Conditions, Endpoint, EndpointSlice, HostPorts, LocalPod, Redirect, RedirectFrom, Service,
        ServiceKind, Site, TrafficPolicy,
    },
};

/// Few addresses, so that services and endpoints get in each other's way.
pub(super) const ADDRESSES: [&str; 8] = [
    "10.96.0.1",
    "10.96.0.2",
    "203.0.113.1",
    "203.0.113.2",
    "10.0.0.1",
    "10.0.0.2",
    "192.168.0.1",
    "127.0.0.1",
];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn address() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&ADDRESSES[..])
}

fn some_service() -> impl Strategy<Value = Service> {
    let kind = prop::sample::select(vec![
        ServiceKind::ClusterIp,
        ServiceKind::NodePort,
        ServiceKind::LoadBalancer,
        ServiceKind::ExternalName,
    ]);
    let lists = (prop::collection::vec(address(), 0..3), prop::collection::vec(address(), 0..2));
    let own = prop::sample::select(&ADDRESSES[..4]);
    (prop::sample::select(&NAMES[..]), kind, own, lists, 0..3_i64, any::<[bool; 4]>()).prop_map(
        |(text, kind, own, (external, balanced), created, [internal, outer, publish, headless])| {
            let policy = |local| if local { TrafficPolicy::Local } else { TrafficPolicy::Cluster };
            let own = [own];
            Service {
                kind,
                created,
                external_ips: external.into_iter().map(ip).collect(),
                load_balancer_ips: balanced.into_iter().map(ip).collect(),
                internal: policy(internal),
                external: policy(outer),
                publish_not_ready: publish && internal,
                ..service(text, if headless && publish { &[] } else { &own })
            }
        },
    )
}

pub(super) fn some_endpoint() -> impl Strategy<Value = Endpoint> {
    (address(), any::<[bool; 5]>(), 0..4_u8).prop_map(
        |(address, [ready, serving, terminating, local, all], zone)| Endpoint {
            node: Some(if local { "here" } else { "there" }.into()),
            conditions: Conditions { ready: ready || all, serving, terminating },
            ..match zone {
                0 => endpoint(address),
                1 => meant_for(&["z1"], &["here"], endpoint(address)),
                2 => meant_for(&["z1"], &[], endpoint(address)),
                _ => meant_for(&["z2"], &["there"], endpoint(address)),
            }
        },
    )
}

fn some_slice() -> impl Strategy<Value = EndpointSlice> {
    let endpoints = prop::collection::vec(some_endpoint(), 0..5);
    let names = (0..5_u8, prop::sample::select(&NAMES[..]));
    (names, endpoints).prop_map(|((number, owner), endpoints)| {
        slice(&format!("slice-{number}"), owner, &endpoints)
    })
}

/// Host ports that are node ports and ports of services at the node's address, too.
fn some_pod() -> impl Strategy<Value = HostPorts> {
    let host_ip = prop::sample::select(&["", "0.0.0.0", "192.168.0.1", "127.0.0.1", "::"][..]);
    let number = prop::sample::select(&[80, 30_080][..]);
    let ports = prop::collection::vec((host_ip, number, 80..82_u16), 1..3);
    let names = prop::sample::select(&NAMES[..]);
    (names, address(), ports, 0..3_i64).prop_map(|(text, own, ports, created)| {
        let port = |(address, port, target): (&str, u16, u16)| host_port(address, port, target);
        let ports: Vec<_> = ports.into_iter().map(port).collect();
        HostPorts { created, ..pod(text, &[own], &ports) }
    })
}

/// Policies for services that there may be and for addresses that others may have.
pub(super) fn some_redirect() -> impl Strategy<Value = Redirect> {
    let names = (prop::sample::select(&NAMES[..]), prop::sample::select(&NAMES[..]));
    let numbers = prop::collection::vec(80..82_u16, 0..2);
    (names, address(), numbers, 0..3_i64, any::<[bool; 3]>()).prop_map(
        |((text, target), own, numbers, created, [of_a_service, other, sparing])| {
            let ports = numbers.into_iter().map(|port| redirect_port("http", port)).collect();
            let from = if of_a_service {
                let namespace = if other { "other" } else { "ns" };
                RedirectFrom::Service { name: ObjectName::new(namespace, target), ports }
            } else {
                RedirectFrom::Address { address: ip(own), ports }
            };
            let mut redirect = Redirect { created, ..redirect(text, from) };
            redirect.rule.as_mut().expect("a rule").skips_backend = sparing;
            redirect
        },
    )
}

pub(super) fn some_local_pod() -> impl Strategy<Value = LocalPod> {
    let app = prop::sample::select(&["near", "far"][..]);
    (prop::sample::select(&NAMES[..]), address(), app, any::<[bool; 3]>()).prop_map(
        |(text, own, app, [ready, sure, terminating])| LocalPod {
            ready: ready || sure,
            terminating: terminating && !sure,
            ..local_pod(text, &[own], app)
        },
    )
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let some_name = || prop::sample::select(&NAMES[..]).prop_map(name);
    prop_oneof![
        4 => some_redirect().prop_map(Edit::PutRedirect),
        4 => some_local_pod().prop_map(Edit::PutPod),
        1 => some_name().prop_map(Edit::RemoveRedirect),
        1 => some_name().prop_map(Edit::RemovePod),
        4 => some_service().prop_map(Edit::PutService),
        5 => some_slice().prop_map(Edit::PutSlice),
        3 => some_pod().prop_map(Edit::PutHostPorts),
        1 => some_name().prop_map(Edit::RemoveHostPorts),
        1 => some_name().prop_map(Edit::RemoveService),
        1 => (0..5_u8).prop_map(|number| Edit::RemoveSlice(name(&format!("slice-{number}")))),
    ]
}

/// The last word on every object.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) services: BTreeMap<ObjectName, Service>,
    slices: BTreeMap<ObjectName, EndpointSlice>,
    pods: BTreeMap<ObjectName, HostPorts>,
    pub(super) redirects: BTreeMap<ObjectName, Redirect>,
    pub(super) local: BTreeMap<ObjectName, LocalPod>,
}

impl Cluster {
    pub(super) fn take(&mut self, edit: &Edit) {
        match edit.clone() {
            Edit::PutService(service) => drop(self.services.insert(service.name.clone(), service)),
            Edit::PutSlice(slice) => drop(self.slices.insert(slice.name.clone(), slice)),
            Edit::RemoveService(name) => drop(self.services.remove(&name)),
            Edit::RemoveSlice(name) => drop(self.slices.remove(&name)),
            Edit::PutHostPorts(ports) => drop(self.pods.insert(ports.pod.clone(), ports)),
            Edit::RemoveHostPorts(pod) => drop(self.pods.remove(&pod)),
            Edit::PutPod(pod) => drop(self.local.insert(pod.name.clone(), pod)),
            Edit::RemovePod(name) => drop(self.local.remove(&name)),
            Edit::PutRedirect(one) => drop(self.redirects.insert(one.name.clone(), one)),
            Edit::RemoveRedirect(name) => drop(self.redirects.remove(&name)),
        }
    }

    fn anew(&self) -> Services {
        let mut services = Services::new(site());
        let edits = self.slices.values().map(put_slice);
        let edits = edits.chain(self.pods.values().map(put_pod));
        let edits = edits.chain(self.redirects.values().cloned().map(Edit::PutRedirect));
        let edits = edits.chain(self.local.values().cloned().map(Edit::PutPod));
        let _: Changes = services.apply(edits.chain(self.services.values().map(put)));
        services
    }
}

/// All frontends without numbers, and all findings.
type Tables = (BTreeMap<FrontendKey, String>, BTreeSet<String>);

fn tables(services: &Services) -> Tables {
    let word = |frontend: &Frontend| {
        let Frontend { service, kind, policy, affinity, backends, .. } = frontend;
        let (words, empty) = (words(frontend), backends.when_empty);
        format!("{service} {kind:?} {policy:?} {affinity:?} {words} {empty:?}")
    };
    let frontends = services.frontends().map(|(key, frontend)| (*key, word(frontend))).collect();
    let told = services.findings().map(|(name, finding)| format!("{name}: {finding}")).collect();
    (frontends, told)
}

/// What the maps of a node hold if they follow the changes.
#[derive(Default)]
struct Follower {
    frontends: BTreeMap<FrontendKey, Frontend>,
    backends: BTreeMap<BackendId, BackendKey>,
}

impl Follower {
    fn follow(&mut self, services: &Services, changes: &Changes) -> Result<(), TestCaseError> {
        for key in &changes.changed {
            let frontend = services.frontend(key).expect("what changed is there");
            prop_assert_ne!(self.frontends.insert(*key, frontend.clone()), Some(frontend.clone()));
        }
        for key in &changes.removed {
            prop_assert!(self.frontends.remove(key).is_some());
        }
        for (id, key) in &changes.backends {
            prop_assert_eq!(self.backends.insert(*id, *key), None);
        }
        for id in changes.retired.backends() {
            prop_assert!(self.backends.remove(&id).is_some());
        }
        Ok(())
    }

    fn check(&self, services: &Services) -> Result<(), TestCaseError> {
        let all: BTreeMap<_, _> =
            services.frontends().map(|(key, frontend)| (*key, frontend.clone())).collect();
        prop_assert_eq!(&self.frontends, &all);
        let ids: BTreeSet<_> = all.values().map(|frontend| frontend.id).collect();
        prop_assert_eq!(ids.len(), all.len(), "no two frontends have one number");
        for frontend in all.values() {
            for (backend, key) in frontend.backends.list.iter().zip(frontend.backends.keys()) {
                prop_assert_eq!(self.backends.get(&backend.id), Some(&key));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn edits_one_by_one_come_to_what_scratch_comes_to(
        batches in prop::collection::vec(prop::collection::vec(edit(), 1..4), 1..14),
        room in 1_u32..20,
    ) {
        let (mut services, mut cluster) = (Services::new(site()), Cluster::default());
        let mut follower = Follower::default();
        services.set_room(room);
        for batch in batches {
            batch.iter().for_each(|edit| cluster.take(edit));
            let mut changes = services.apply(batch);
            while changes != Changes::default() {
                prop_assert_eq!(tables(&services), tables(&cluster.anew()));
                follower.follow(&services, &changes)?;
                follower.check(&services)?;
                changes = services.release(changes.retired);
            }
            let beyond = services.backends().filter(|(id, _)| id.0 > room).count();
            let over = services.backends().count().saturating_sub(room as usize);
            prop_assert_eq!(beyond, over, "who finds room has a number within");
        }
        let all = cluster.services.keys().cloned().map(Edit::RemoveService);
        let slices = cluster.slices.keys().cloned().map(Edit::RemoveSlice);
        let pods = cluster.pods.keys().cloned().map(Edit::RemoveHostPorts);
        let local = cluster.local.keys().cloned().map(Edit::RemovePod);
        let redirects = cluster.redirects.keys().cloned().map(Edit::RemoveRedirect);
        let changes =
            services.apply(all.chain(slices).chain(pods).chain(local).chain(redirects));
        follower.follow(&services, &changes)?;
        prop_assert!(follower.frontends.is_empty() && follower.backends.is_empty());
    }

    #[test]
    fn another_site_comes_to_what_scratch_comes_to(
        edits in prop::collection::vec(edit(), 1..20),
    ) {
        let mut services = Services::new(Site::default());
        let mut cluster = Cluster::default();
        edits.iter().for_each(|edit| cluster.take(edit));
        let _: Changes = services.apply(edits);
        let _: Changes = services.set_site(site());
        prop_assert_eq!(tables(&services), tables(&cluster.anew()));
    }
}
