//! The host's policies in maps in memory, and on disk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use skep_bpf::abi::{HostValue, policy};

use super::{HostFacts, HostHealth, HostSettings, Kept, host_actor};
use crate::{
    agent::{
        node::Revision,
        policy::{Engine, Kind, PolicyObject, Sources},
    },
    api::PolicyState,
    kubernetes::{Change, Watched},
    maps::{HostTable, MapStore, MemoryStore, RevisionTable},
    model::{Identity, Labels},
    policy::{
        cluster::{Actor, Role},
        judge::Mode,
        parse::Settings,
        rule::PolicyKind,
    },
};

const CCNP: Kind = Kind::Policy(PolicyKind::CiliumClusterwideNetworkPolicy);
const WINDOW: Duration = Duration::from_secs(60);
const KUBELET: u16 = 10250;

struct Rig {
    store: Arc<MemoryStore>,
    dir: tempfile::TempDir,
    engine: Arc<Engine<MemoryStore>>,
}

impl Rig {
    fn new(enabled: bool) -> Self {
        let store = Arc::new(MemoryStore::default());
        let dir = tempfile::tempdir().expect("a directory");
        let engine = open(&store, &dir, enabled);
        Self { store, dir, engine }
    }

    /// Starts on a node that was seen, in a cluster without policies.
    fn synced() -> Self {
        let rig = Self::new(true);
        rig.sync();
        rig
    }

    fn sync(&self) {
        self.engine.set_host(facts("worker"));
        self.engine.set_synced();
    }

    fn restart(&mut self) {
        self.engine = open(&self.store, &self.dir, true);
    }

    fn host(&self) -> HostValue {
        self.store.get::<HostTable>(&0).expect("a read").expect("an entry")
    }

    fn revision(&self) -> u32 {
        self.store.get::<RevisionTable>(&0).expect("a read").expect("a revision")
    }

    fn apply(&self, object: Value) {
        let object = serde_json::from_value(object).expect("an object");
        let object = PolicyObject::from_object(&object).expect("read");
        self.engine.objects_changed(CCNP, Change::Changed(object));
        self.engine.settle();
    }

    fn confirm(&self) {
        let until = self.engine.trial_until().expect("something is on trial");
        self.engine.confirm_host(until);
    }

    fn health(&self) -> HostHealth {
        self.engine.health().host
    }
}

fn open(
    store: &Arc<MemoryStore>,
    dir: &tempfile::TempDir,
    enabled: bool,
) -> Arc<Engine<MemoryStore>> {
    let revision = Revision::open(Arc::clone(store), dir.path()).expect("a revision");
    let sources = Sources::new(Settings::default());
    let host = HostSettings { enabled, window: WINDOW, kept: Kept::new(dir.path()) };
    Engine::open(Arc::clone(store), (sources, Mode::Default), host, revision).expect("an engine")
}

fn facts(role: &str) -> HostFacts {
    let labels: Labels = [("node:role", role), ("reserved:host", "")].into_iter().collect();
    let api = Identity::KUBE_APISERVER.fixed_labels();
    HostFacts {
        actor: host_actor(labels),
        kubelet_port: Some(KUBELET),
        apiservers: vec![Actor::new("192.0.2.9", Role::Peer, api)],
    }
}

/// Lets workers get what other nodes and the API server send to a port.
fn only(port: u16) -> Value {
    json!({
        "metadata": { "name": "workers" },
        "spec": {
            "nodeSelector": { "matchLabels": { "role": "worker" } },
            "ingress": [{
                "fromEntities": ["remote-node", "kube-apiserver"],
                "toPorts": [{ "ports": [{ "port": port.to_string(), "protocol": "TCP" }] }],
            }],
        },
    })
}

#[test]
fn a_host_that_nobody_asked_to_protect_is_not() {
    let rig = Rig::new(false);
    rig.sync();
    rig.apply(only(22));
    assert_eq!(rig.host(), HostValue::default());
    assert_eq!(rig.health(), HostHealth::Off);
    assert_eq!(rig.engine.trial_until(), None);
}

#[test]
fn a_policy_is_tried_at_once_and_counts_for_good_when_it_is_confirmed() {
    let mut rig = Rig::synced();
    let open = rig.host();
    assert_eq!((open.ingress_policy, open.egress_policy), (policy::OPEN, policy::OPEN));
    assert_eq!(open.protected, u32::MAX);
    let before = rig.revision();
    rig.apply(only(KUBELET));
    let tried = rig.host();
    assert!(tried.ingress_policy >= policy::FIRST, "{tried:?}");
    assert_eq!(tried.egress_policy, policy::OPEN);
    assert!(rig.revision() > before, "connections are judged again");
    assert_eq!(rig.health(), HostHealth::OnTrial(1));
    assert_eq!(rig.engine.report()[0].endpoints, [0]);
    rig.confirm();
    assert_eq!(rig.health(), HostHealth::Protected(1));

    rig.restart();
    assert_eq!(rig.host(), tried, "an earlier process left it");
    rig.apply(only(KUBELET));
    rig.sync();
    assert_eq!(rig.engine.trial_until(), None, "it was confirmed before");
    assert!(rig.host().ingress_policy >= policy::FIRST);
    rig.engine.prune_at(Instant::now() + Duration::from_secs(5));
    let cells = rig.store.entries::<crate::maps::PolicyCellTable>().expect("a list");
    let own = rig.host().ingress_policy;
    assert!(cells.iter().any(|(key, _)| key.policy == own), "its tables stay");
}

#[test]
fn what_was_found_out_about_one_policy_says_nothing_about_the_next() {
    let rig = Rig::synced();
    rig.apply(only(KUBELET));
    let until = rig.engine.trial_until().expect("it is on trial");
    rig.apply(only(22));
    rig.engine.confirm_host(until);
    assert_eq!(rig.health(), HostHealth::OnTrial(1));
}

#[test]
fn a_policy_that_cuts_the_node_off_is_taken_back_until_it_changes() {
    let rig = Rig::synced();
    rig.apply(only(22));
    let until = rig.engine.trial_until().expect("it is on trial");
    assert!(!rig.engine.take_host_back("silence", until - Duration::from_secs(1)), "too early");
    assert!(rig.engine.take_host_back("silence", until));
    assert_eq!(rig.host().ingress_policy, policy::OPEN);
    assert_eq!(rig.health(), HostHealth::TakenBack("silence".to_owned()));
    let told = rig.engine.report();
    assert_eq!(told[0].state, PolicyState::Rejected);
    assert!(told[0].reason.contains("silence"), "{}", told[0].reason);
    // Whatever else happens, it is not tried again.
    rig.engine.set_host(facts("worker"));
    rig.engine.set_synced();
    assert_eq!(rig.host().ingress_policy, policy::OPEN);
    rig.apply(only(KUBELET));
    assert!(rig.host().ingress_policy >= policy::FIRST);
    assert_eq!(rig.health(), HostHealth::OnTrial(1));
}

#[test]
fn the_confirmed_ones_come_back_even_before_the_cluster_is_seen() {
    let mut rig = Rig::synced();
    rig.apply(only(KUBELET));
    rig.confirm();
    rig.apply(only(22));
    let tried = rig.host();
    rig.restart();
    assert_eq!(rig.host(), tried);
    rig.engine.set_host(facts("worker"));
    let until = rig.engine.trial_until().expect("what was left must prove itself");
    assert!(!rig.engine.take_host_back("silence", until), "no policy that is there");
    let back = rig.host();
    assert_ne!(back.ingress_policy, tried.ingress_policy);
    assert!(back.ingress_policy >= policy::FIRST, "not open, either");
    assert_eq!(rig.engine.reach_kubelet(), Ok(()));
}

#[test]
fn a_policy_in_the_way_of_the_kubelet_is_named() {
    let rig = Rig::synced();
    rig.apply(only(22));
    let why = rig.engine.reach_kubelet().expect_err("the port is not the kubelet's");
    assert!(why.contains("10250") && why.contains("192.0.2.9"), "{why}");
    rig.apply(only(KUBELET));
    assert_eq!(rig.engine.reach_kubelet(), Ok(()));
}

#[test]
fn only_hosts_with_the_labels_are_protected() {
    let rig = Rig::new(true);
    rig.engine.set_host(facts("builder"));
    rig.engine.set_synced();
    rig.apply(only(KUBELET));
    assert_eq!(rig.host().ingress_policy, policy::OPEN);
    rig.engine.set_host(facts("worker"));
    rig.engine.settle();
    assert!(rig.host().ingress_policy >= policy::FIRST);
}
