//! Policies in maps, with maps in memory.

mod answer;
mod edits;
mod engine;
mod figures;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use skep_bpf::abi::{CellVerdict, PolicyIdentityKey, policy as numbers};

use super::*;
use crate::{
    agent::node::Revision,
    cni::record::EndpointRecord,
    kubernetes::{Change, IdentityObject, Watched},
    maps::{
        DeviceTable, IdentityTable, MapStore, MemoryStore, PolicyCellTable, PolicyIdentityTable,
        RevisionTable,
    },
    model::{EndpointId, Identity, Labels},
    policy::{judge::Mode, parse::Settings, rule::PolicyKind},
};

const NETPOL: Kind = Kind::Policy(PolicyKind::NetworkPolicy);

/// An agent's policies, and the directory that it remembers its revision in.
struct Rig {
    store: Arc<MemoryStore>,
    dir: tempfile::TempDir,
    engine: Arc<Engine<MemoryStore>>,
}

impl Rig {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let dir = tempfile::tempdir().expect("a directory");
        let engine = open(&store, &dir);
        Self { store, dir, engine }
    }

    fn restart(&mut self) {
        self.engine = open(&self.store, &self.dir);
    }

    fn policies(&self, n: u8) -> Policies {
        self.engine.assigned().hold().of(EndpointId(n.into()))
    }

    fn revision(&self) -> u32 {
        self.store.get::<RevisionTable>(&0).expect("a read").expect("a revision")
    }

    fn apply(&self, object: Value) {
        self.engine.objects_changed(NETPOL, Change::Changed(object_of(object)));
        self.engine.settle();
    }

    fn verdicts(&self, policy: u32) -> Vec<u8> {
        let cells = self.store.entries::<PolicyCellTable>().expect("a list");
        cells.into_iter().filter(|(key, _)| key.policy == policy).map(|(_, c)| c.verdict).collect()
    }
}

fn open(store: &Arc<MemoryStore>, dir: &tempfile::TempDir) -> Arc<Engine<MemoryStore>> {
    let revision = Revision::open(Arc::clone(store), dir.path()).expect("a revision");
    let sources = Sources::new(Settings::default());
    let window = Duration::from_secs(60);
    let host = HostSettings { enabled: true, window, kept: Kept::new(dir.path()) };
    Engine::open(Arc::clone(store), (sources, Mode::Default), host, revision).expect("an engine")
}

fn object_of(json: Value) -> PolicyObject {
    PolicyObject::from_object(&serde_json::from_value(json).expect("an object")).expect("read")
}

fn labels(app: &str) -> Labels {
    let own = [("k8s:app", app), ("k8s:io.kubernetes.pod.namespace", "shop")];
    own.into_iter().chain([("k8s:io.cilium.k8s.policy.cluster", "default")]).collect()
}

fn record(n: u8, app: &str) -> EndpointRecord {
    rehearsal::record(n.into(), Identity(300 + u32::from(n)), &labels(app))
}

fn identity(number: u32, app: &str) -> IdentityObject {
    IdentityObject { identity: Identity(number), labels: labels(app), retired: false }
}

/// Lets `from` reach `to` on port 80.
fn allows(name: &str, to: &str, from: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop" },
        "spec": {
            "podSelector": { "matchLabels": { "app": to } },
            "policyTypes": ["Ingress"],
            "ingress": [{
                "from": [{ "podSelector": { "matchLabels": { "app": from } } }],
                "ports": [{ "port": 80 }],
            }],
        },
    })
}
