//! A node's policies without the node: what benchmarks measure is what an agent does.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Engine, HostSettings, Kept, Kind, PolicyObject, Sources};
use crate::{
    agent::node::{Revision, RevisionError},
    cni::{record::EndpointRecord, wire::AttachmentKey},
    kubernetes::{Change, IdentityObject, Malformed, Watched},
    maps::{MapError, MapStore},
    model::{Addresses, EndpointId, Identity, IfIndex, Incarnation, Labels, MacAddr},
    policy::{judge::Mode, parse::Settings},
};

/// The policies of a node whose objects, identities and endpoints somebody makes up.
pub struct PolicyRehearsal<M> {
    engine: Arc<Engine<M>>,
}

/// A rehearsal could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// A map.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The revision.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// An object is none.
    #[error("an object cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// An object lacks something.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No watch brings such objects.
    #[error("there is no kind of policy called {0}")]
    UnknownKind(String),
}

/// What is in the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Different policies.
    pub policies: usize,
    /// Entries of all tables of policies.
    pub entries: usize,
    /// What there would be with an entry for each identity and class of ports.
    pub product: usize,
}

impl<M> fmt::Debug for PolicyRehearsal<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyRehearsal")
    }
}

impl<M: MapStore> PolicyRehearsal<M> {
    /// Starts like an agent that has seen nothing yet; `dir` keeps the revision.
    ///
    /// # Errors
    /// When the store or the directory refuses.
    pub fn open(store: Arc<M>, dir: &Path) -> Result<Self, RehearsalError> {
        let revision = Revision::open(Arc::clone(&store), dir)?;
        let sources = Sources::new(Settings::default());
        let host = HostSettings { enabled: false, window: Duration::ZERO, kept: Kept::new(dir) };
        let engine = Engine::open(store, (sources, Mode::Default), host, revision)?;
        Ok(Self { engine })
    }

    /// Brings identities, as the watch does.
    pub fn add_identities(&self, identities: &[(Identity, Labels)]) {
        let object = |(identity, labels): &(Identity, Labels)| IdentityObject {
            identity: *identity,
            labels: labels.clone(),
            retired: false,
        };
        self.engine.identities_changed(identities.iter().map(object).collect(), &[]);
        self.engine.settle();
    }

    /// Brings a pod of this node; its number counts from 1.
    pub fn add_endpoint(&self, number: u16, identity: Identity, labels: &Labels) {
        self.engine.assign(&record(number, identity, labels), Vec::new());
    }

    /// Brings a pod of this node whose entries are in the maps, at this device and these addresses.
    pub fn add_pod(
        &self,
        number: u32,
        (identity, labels): &(Identity, Labels),
        (ifindex, addresses): (IfIndex, Addresses),
    ) {
        let made_up = record(0, *identity, labels);
        let (id, incarnation) = (EndpointId(number), Incarnation(number));
        let record = EndpointRecord { id, incarnation, ifindex, addresses, ..made_up };
        self.engine.assign(&record, Vec::new());
    }

    /// Lists policy objects, as the watches do at the start.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn list(&self, objects: &[Value]) -> Result<(), RehearsalError> {
        for kind in Kind::ALL {
            let (.., name, _) = kind.resource();
            let of_kind = objects.iter().filter(|object| object["kind"] == name);
            let listed = of_kind.map(read).collect::<Result<_, _>>()?;
            self.engine.objects_changed(kind, Change::Listed(listed));
        }
        Ok(())
    }

    /// Says that the cluster was seen: every endpoint gets its policies.
    pub fn sync(&self) {
        self.engine.set_synced();
    }

    /// Takes in a new version of a policy object, to its last map entry.
    ///
    /// # Errors
    /// When it is none.
    pub fn edit(&self, object: &Value) -> Result<(), RehearsalError> {
        let name = object["kind"].as_str().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.resource().2 == name);
        let kind = kind.ok_or_else(|| RehearsalError::UnknownKind(name.to_owned()))?;
        self.engine.objects_changed(kind, Change::Changed(read(object)?));
        self.engine.settle();
        Ok(())
    }

    /// Forgets what was replaced a while ago, as an agent does from time to time.
    pub fn prune(&self) {
        self.engine.repair();
    }

    /// Counts what the maps should hold.
    pub fn extent(&self) -> Extent {
        self.engine.with_entries(|entries| {
            let ports = entries.ports.desired().iter();
            let classes: BTreeSet<(u32, u32)> =
                ports.map(|(key, class)| (key.policy, *class)).collect();
            let cells = entries.cells.desired().keys();
            let policies: BTreeSet<u32> = cells.map(|key| key.policy).collect();
            // The class of all other ports has no entry.
            let classes = classes.len() + policies.len();
            Extent {
                policies: policies.len(),
                entries: entries.identities.desired().len()
                    + entries.addresses.desired().len()
                    + entries.ports.desired().len()
                    + entries.cells.desired().len(),
                product: entries.known.desired().len() * classes,
            }
        })
    }
}

fn read(object: &Value) -> Result<PolicyObject, RehearsalError> {
    let object = serde_json::from_value(object.clone()).map_err(RehearsalError::Unreadable)?;
    Ok(PolicyObject::from_object(&object)?)
}

pub(super) fn record(number: u16, identity: Identity, labels: &Labels) -> EndpointRecord {
    let [high, low] = number.to_be_bytes();
    EndpointRecord {
        id: EndpointId(number.into()),
        incarnation: Incarnation(number.into()),
        attachment: AttachmentKey { container_id: number.to_string(), ifname: "eth0".into() },
        pod: None,
        addresses: Addresses { v4: Some([10, 244, high, low].into()), v6: None },
        host_ifname: format!("skep{number:010x}"),
        ifindex: IfIndex(number.into()),
        mac: MacAddr::default(),
        host_mac: MacAddr::default(),
        mtu: 1500,
        netns: String::new(),
        netns_inode: 0,
        netns_cookie: 0,
        boot_id: String::new(),
        identity,
        labels: labels.clone(),
        created: 0,
    }
}
