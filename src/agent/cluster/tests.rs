//! Tests of the cluster's state against maps in memory.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use skep_bpf::abi::{IpcacheKey, IpcacheValue, ipcache_flags, node_flags};

use super::*;
use crate::{
    api::hubble::AgentEvents,
    hubble::flow::{IpCacheNotification, agent_event::Notification},
    kubernetes::{ApiServerSlice, Change, NodeObject, PublishedEndpoint, SliceObject},
    maps::{IpcacheTable, MapStore, MemoryStore, NodeAddrTable, NodeTable},
    model::{Addresses, Identity, Incarnation, PodRef},
};

fn node(name: &str, n: u8) -> NodeObject {
    NodeObject {
        name: name.into(),
        uid: format!("uid-{name}-{n}"),
        addresses: Addresses {
            v4: Some([192, 0, 2, n].into()),
            v6: Some(format!("2001:db8::{n}").parse().unwrap()),
        },
        pod_cidrs: vec![
            format!("10.244.{n}.0/24").parse().unwrap(),
            format!("fd00:10:244:{n}::/64").parse().unwrap(),
        ],
        ready: true,
        labels: BTreeMap::new(),
        kubelet_port: None,
    }
}

fn endpoint(n: u8, host: u8, identity: u32, incarnation: u32) -> PublishedEndpoint {
    PublishedEndpoint {
        namespace: "shop".into(),
        pod: format!("web-{host}"),
        addresses: vec![
            [10, 244, n, host].into(),
            format!("fd00:10:244:{n}::{host}").parse().unwrap(),
        ],
        identity: Identity(identity),
        incarnation: Incarnation(incarnation),
        named_ports: Vec::new(),
        workload: None,
    }
}

fn slice(name: &str, node: &str, endpoints: Vec<PublishedEndpoint>) -> SliceObject {
    SliceObject { name: name.into(), node: node.into(), endpoints }
}

fn open(store: &Arc<MemoryStore>) -> Cluster<MemoryStore> {
    let place = Place { cluster: "default".into(), node: "n1".into() };
    let events = Arc::new(AgentEvents::started(Timestamp::now()));
    Cluster::new(Arc::clone(store), place, NodeIds::default(), events).unwrap()
}

fn cluster() -> (Arc<MemoryStore>, Cluster<MemoryStore>) {
    let store = Arc::new(MemoryStore::default());
    let cluster = open(&store);
    (store, cluster)
}

fn tell(cluster: &mut Cluster<MemoryStore>, change: Change<NodeObject>) {
    cluster.apply_nodes(change);
    cluster.flush();
}

fn apiserver_at(cluster: &mut Cluster<MemoryStore>, addresses: &[&str]) {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let slice = ApiServerSlice { name: "kubernetes".into(), addresses };
    cluster.apply_apiserver(Change::Changed(slice));
    cluster.flush();
}

fn ipcache(store: &MemoryStore) -> BTreeMap<IpcacheKey, IpcacheValue> {
    store.entries::<IpcacheTable>().unwrap().into_iter().collect()
}

fn identity_of(store: &MemoryStore, address: &str) -> Option<u32> {
    let key = address_key(address.parse().unwrap());
    store.get::<IpcacheTable>(&key).unwrap().map(|value| value.identity)
}

#[test]
fn nodes_give_addresses_and_pod_cidrs_of_both_families() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    assert_eq!(identity_of(&store, "192.0.2.1"), Some(1));
    assert_eq!(identity_of(&store, "2001:db8::2"), Some(6));
    for (prefix, id) in [("10.244.2.0/24", 2), ("fd00:10:244:2::/64", 2), ("10.244.1.0/24", 1)] {
        let value = ipcache(&store)[&prefix_key(prefix.parse().unwrap())];
        let wanted = (0, id, ipcache_flags::POD_CIDR);
        assert_eq!((value.identity, value.node_id, value.flags), wanted, "{prefix}");
    }
    let local = store.get::<NodeTable>(&1).unwrap().unwrap();
    assert_eq!(local.flags, node_flags::LOCAL | node_flags::READY);
    assert_eq!(store.entries::<NodeAddrTable>().unwrap().len(), 4);
}

#[test]
fn nothing_is_deleted_before_the_first_full_sync() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    cluster.apply_slices(Change::Changed(slice("s", "n2", vec![endpoint(2, 5, 300, 1)])));
    let before = ipcache(&store);
    cluster.apply_slices(Change::Listed(vec![]));
    tell(&mut cluster, Change::Listed(vec![node("n1", 1)]));
    assert_eq!(ipcache(&store), before);
    cluster.allow_deletes();
    assert_eq!(identity_of(&store, "10.244.2.5"), None);
    assert_eq!(store.entries::<NodeTable>().unwrap().len(), 1);
    assert_eq!(ipcache(&store).len(), 4, "addresses and pod CIDRs of the own node");
}

#[test]
fn the_higher_incarnation_wins_whatever_the_order() {
    let old = slice("a", "n2", vec![endpoint(2, 5, 300, 7)]);
    let new = slice("b", "n2", vec![endpoint(2, 5, 400, 8)]);
    for slices in [[&old, &new], [&new, &old]] {
        let (store, mut cluster) = cluster();
        tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
        cluster.allow_deletes();
        slices.iter().for_each(|s| cluster.apply_slices(Change::Changed((*s).clone())));
        assert_eq!(identity_of(&store, "10.244.2.5"), Some(400));
        cluster.apply_slices(Change::Gone("a".into()));
        assert_eq!(identity_of(&store, "fd00:10:244:2::5"), Some(400));
        cluster.apply_slices(Change::Gone("b".into()));
        assert_eq!(identity_of(&store, "10.244.2.5"), None);
    }
}

#[test]
fn a_slice_speaks_only_for_its_own_node() {
    let (store, mut cluster) = cluster();
    cluster.apply_slices(Change::Changed(slice("early", "n2", vec![endpoint(2, 5, 300, 1)])));
    assert_eq!(identity_of(&store, "10.244.2.5"), None, "its node is not known yet");
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    assert_eq!(identity_of(&store, "10.244.2.5"), Some(300));
    let mut forged = endpoint(1, 9, 300, 9);
    forged.addresses.push([192, 0, 2, 1].into());
    cluster.apply_slices(Change::Changed(slice("forged", "n2", vec![forged])));
    assert_eq!(identity_of(&store, "10.244.1.9"), None);
    assert_eq!(identity_of(&store, "192.0.2.1"), Some(1));
}

#[test]
fn a_node_that_comes_back_as_another_object_gets_another_number() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    cluster.apply_slices(Change::Changed(slice("s", "n2", vec![endpoint(2, 5, 300, 1)])));
    cluster.allow_deletes();
    let reborn = NodeObject { uid: "other".into(), ..node("n2", 2) };
    tell(&mut cluster, Change::Changed(reborn));
    let key = address_key("10.244.2.5".parse().unwrap());
    assert_eq!(ipcache(&store)[&key].node_id, 3);
    assert_eq!(store.get::<NodeTable>(&2).unwrap(), None);
    assert_eq!(
        store
            .get::<NodeAddrTable>(&"192.0.2.2".parse::<std::net::IpAddr>().unwrap().into())
            .unwrap(),
        Some(3)
    );
}

#[test]
fn two_nodes_that_swap_addresses_end_up_right() {
    let (store, mut cluster) = cluster();
    let (mut a, mut b) = (node("n2", 2), node("n3", 3));
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), a.clone(), b.clone()]));
    cluster.allow_deletes();
    std::mem::swap(&mut a.addresses, &mut b.addresses);
    tell(&mut cluster, Change::Changed(a.clone()));
    tell(&mut cluster, Change::Changed(b.clone()));
    for (object, id) in [(a, 2), (b, 3)] {
        for address in object.addresses.iter() {
            assert_eq!(store.get::<NodeAddrTable>(&address.into()).unwrap(), Some(id), "{address}");
        }
    }
}

#[test]
fn local_addresses_go_at_once_but_only_in_their_incarnation() {
    let (store, mut cluster) = cluster();
    let local = |incarnation| LocalAddress {
        address: "10.244.1.5".parse().unwrap(),
        identity: Identity(300),
        incarnation: Incarnation(incarnation),
        pod: None,
    };
    cluster.put_local(&[local(1)]);
    assert_eq!(identity_of(&store, "10.244.1.5"), None, "the own node is not known yet");
    tell(&mut cluster, Change::Changed(node("n1", 1)));
    assert_eq!(identity_of(&store, "10.244.1.5"), Some(300));
    cluster.put_local(&[local(2)]);
    cluster.remove_local(&[local(1)]);
    assert_eq!(identity_of(&store, "10.244.1.5"), Some(300), "the newer one stays");
    cluster.remove_local(&[local(2)]);
    assert_eq!(identity_of(&store, "10.244.1.5"), None, "even before the first full sync");
    cluster.put_local(&[local(3)]);
    assert_eq!(identity_of(&store, "10.244.1.5"), Some(300), "and comes back");
}

#[test]
fn what_others_changed_is_repaired() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    cluster.allow_deletes();
    let good = ipcache(&store);
    let key = address_key("192.0.2.2".parse().unwrap());
    store.delete::<IpcacheTable>(&key).unwrap();
    let stray = address_key("203.0.113.1".parse().unwrap());
    store.put::<IpcacheTable>(&stray, &IpcacheValue::default()).unwrap();
    let flushed = cluster.repair().unwrap();
    assert_eq!((flushed.written, flushed.removed, flushed.failed), (1, 1, 0));
    assert_eq!(ipcache(&store), good);
}

#[test]
fn a_node_where_the_api_server_is_has_its_identity_on_every_address() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2), node("n3", 3)]));
    cluster.allow_deletes();
    assert_eq!(identity_of(&store, "192.0.2.2"), Some(6));
    apiserver_at(&mut cluster, &["192.0.2.2"]);
    assert_eq!(identity_of(&store, "192.0.2.2"), Some(7));
    assert_eq!(identity_of(&store, "2001:db8::2"), Some(7));
    assert_eq!(identity_of(&store, "192.0.2.3"), Some(6));
    tell(&mut cluster, Change::Gone("n2".into()));
    assert_eq!(identity_of(&store, "192.0.2.2"), Some(1 << 24 | 1), "nobody's of the cluster");
    tell(&mut cluster, Change::Changed(node("n2", 2)));
    assert_eq!(identity_of(&store, "192.0.2.2"), Some(7), "the node appeared later");
    cluster.apply_apiserver(Change::Listed(vec![]));
    cluster.flush();
    assert_eq!(identity_of(&store, "192.0.2.2"), Some(6));
    assert_eq!(identity_of(&store, "2001:db8::2"), Some(6));
}

#[test]
fn a_node_with_the_api_server_stays_the_host_and_says_so() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1)]));
    let host = |cluster: &Cluster<MemoryStore>| cluster.node_labels(Identity::HOST).to_string();
    assert_eq!(host(&cluster), "reserved:host");
    apiserver_at(&mut cluster, &["2001:db8::1"]);
    assert_eq!(host(&cluster), "reserved:host,reserved:kube-apiserver");
    assert_eq!(identity_of(&store, "192.0.2.1"), Some(1));
}

#[test]
fn an_api_server_outside_has_an_identity_of_the_world() {
    let (store, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2)]));
    cluster.allow_deletes();
    apiserver_at(&mut cluster, &["203.0.113.1", "2001:db8:f::1", "10.244.2.9"]);
    for (address, identity) in [
        ("203.0.113.1", Identity::OUTSIDE_APISERVER_V4),
        ("2001:db8:f::1", Identity::OUTSIDE_APISERVER_V6),
    ] {
        let value = ipcache(&store)[&address_key(address.parse().unwrap())];
        assert_eq!((value.identity, value.node_id, value.flags), (identity.0, 0, 0), "{address}");
    }
    assert_eq!(identity_of(&store, "10.244.2.9"), None, "pod addresses are never outside");
    cluster.apply_apiserver(Change::Gone("kubernetes".into()));
    cluster.flush();
    assert_eq!(identity_of(&store, "203.0.113.1"), None);
}

fn labelled(name: &str, n: u8, role: &str) -> NodeObject {
    NodeObject { labels: [("role".to_owned(), role.to_owned())].into(), ..node(name, n) }
}

#[test]
fn nodes_are_told_apart_by_labels_only_when_asked_and_numbers_survive() {
    let (store, mut cluster) = cluster();
    let all = vec![
        labelled("n1", 1, "gpu"),
        labelled("n2", 2, "gpu"),
        labelled("n3", 3, "gpu"),
        labelled("n4", 4, "web"),
    ];
    tell(&mut cluster, Change::Listed(all.clone()));
    assert_eq!(cluster.node_identities().len(), 1, "the host");
    assert!(cluster.tell_nodes_apart(NodeLabels::ByLabels));
    cluster.flush();
    let of = |store: &MemoryStore, n: u8| identity_of(store, &format!("192.0.2.{n}")).unwrap();
    assert_eq!(of(&store, 1), 1, "the own node is the host");
    assert_eq!(of(&store, 2), of(&store, 3));
    assert_ne!(of(&store, 2), of(&store, 4));
    let gpu = Identity(of(&store, 2));
    assert!(gpu.is_node());
    assert_eq!(
        cluster.node_labels(gpu).to_string(),
        "k8s:io.cilium.k8s.policy.cluster=default,node:role=gpu,reserved:remote-node"
    );

    let mut again = open(&store);
    tell(&mut again, Change::Listed(all.into_iter().rev().collect()));
    assert_eq!(of(&store, 2), gpu.0, "even before policies are known");

    apiserver_at(&mut again, &["192.0.2.3"]);
    let api = Identity(of(&store, 3));
    assert!(api.is_node() && api != gpu);
    assert!(again.node_labels(api).to_string().contains("reserved:kube-apiserver"));
    assert!(again.tell_nodes_apart(NodeLabels::Alike));
    again.flush();
    assert_eq!([2, 3, 4].map(|n| of(&store, n)), [6, 7, 6]);
    assert!(!again.tell_nodes_apart(NodeLabels::Alike));
}

#[test]
fn a_node_whose_labels_change_has_another_identity() {
    let (store, mut cluster) = cluster();
    cluster.tell_nodes_apart(NodeLabels::ByLabels);
    tell(&mut cluster, Change::Listed(vec![labelled("n2", 2, "gpu")]));
    let before = identity_of(&store, "192.0.2.2");
    tell(&mut cluster, Change::Changed(labelled("n2", 2, "web")));
    let now = identity_of(&store, "192.0.2.2").unwrap();
    assert_ne!(before, Some(now));
    assert!(Identity(now).is_node());
    assert_eq!(cluster.node_identities().len(), 2, "what nobody has is forgotten");
}

/// Returns what clients were told of addresses, a line each.
fn told(cluster: &Cluster<MemoryStore>) -> Vec<String> {
    let events = cluster.events.kept();
    let updates = events.iter().filter_map(|event| match &event.notification {
        Some(Notification::IpcacheUpdate(update)) => Some((event.r#type().as_str_name(), update)),
        _ => None,
    });
    updates.map(|(kind, update)| told_line(kind, update)).collect()
}

fn told_line(kind: &str, update: &IpCacheNotification) -> String {
    let IpCacheNotification { cidr, identity, host_ip, old_host_ip, namespace, pod_name, .. } =
        update;
    let old = update.old_identity.map(|old| format!("{old} at {old_host_ip}"));
    let old = old.unwrap_or_else(|| "nobody".into());
    format!("{kind} {cidr} {identity} at {host_ip} was {old}, {namespace}/{pod_name}")
}

#[test]
fn clients_hear_of_addresses_that_change_hands() {
    let (_, mut cluster) = cluster();
    tell(&mut cluster, Change::Listed(vec![node("n1", 1), node("n2", 2), node("n3", 3)]));
    cluster.apply_slices(Change::Listed(vec![slice("s", "n2", vec![endpoint(2, 5, 300, 1)])]));
    assert!(told(&cluster).is_empty(), "what is there at the start is no news");
    cluster.allow_deletes();
    let local = LocalAddress {
        address: "10.244.1.5".parse().unwrap(),
        identity: Identity(301),
        incarnation: Incarnation(1),
        pod: Some(PodRef { namespace: "shop".into(), name: "api".into(), uid: String::new() }),
    };
    cluster.put_local(std::slice::from_ref(&local));
    cluster.put_local(std::slice::from_ref(&local));
    cluster.remove_local(&[local]);
    cluster.apply_slices(Change::Changed(slice("s", "n2", vec![endpoint(2, 5, 302, 1)])));
    cluster.apply_slices(Change::Gone("s".into()));
    assert_eq!(
        told(&cluster),
        [
            "IPCACHE_UPSERTED 10.244.1.5/32 301 at 192.0.2.1 was nobody, shop/api",
            "IPCACHE_DELETED 10.244.1.5/32 301 at 192.0.2.1 was nobody, shop/api",
            "IPCACHE_UPSERTED 10.244.2.5/32 302 at 192.0.2.2 was 300 at 192.0.2.2, shop/web-5",
            "IPCACHE_UPSERTED fd00:10:244:2::5/128 302 at 192.0.2.2 was 300 at 192.0.2.2, shop/web-5",
            "IPCACHE_DELETED 10.244.2.5/32 302 at 192.0.2.2 was nobody, shop/web-5",
            "IPCACHE_DELETED fd00:10:244:2::5/128 302 at 192.0.2.2 was nobody, shop/web-5",
        ]
    );
}
