//! The set of endpoints and what it is made from.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use skep_bpf::abi::CtKey;
use tokio::{runtime::Handle, sync::Notify};

use super::{hurry::Hurry, reaper::Reaper, rest::RestFile, tables::EndpointTables, turns::Turns};
use crate::{
    agent::{
        cluster::{Cluster, LocalAddress},
        policy::Engine,
    },
    cni::{
        ipam::Ipam,
        record::{Counter, CounterError, EndpointRecord, RecordError, RecordStore},
        wire::AttachmentKey,
    },
    kernel::{Datapath, KernelMaps},
    maps::{ConntrackTable, MapStore},
    model::{Addresses, EndpointId, IfIndex, Incarnation},
};

use super::Labelling;

/// What all endpoints have in common.
#[derive(Debug)]
pub(in crate::agent) struct Context {
    /// The programs.
    pub(in crate::agent) datapath: Arc<Datapath>,
    /// The cluster's state.
    pub(in crate::agent) cluster: Arc<Mutex<Cluster<KernelMaps>>>,
    /// From pods to identities.
    pub(in crate::agent) labelling: Arc<Labelling>,
    /// From endpoints to policies.
    pub(in crate::agent) policy: Arc<Engine<KernelMaps>>,
    /// Where to wait for the API server.
    pub(in crate::agent) runtime: Handle,
    /// MTU of pods' devices.
    pub(in crate::agent) device_mtu: u32,
    /// MTU of their routes.
    pub(in crate::agent) route_mtu: u32,
    /// This boot.
    pub(in crate::agent) boot_id: String,
    /// Told when the published endpoints have changed.
    pub(in crate::agent) publish: Arc<Notify>,
    /// The cookie of the node's own network namespace, and the node's addresses.
    pub(in crate::agent) host: (u64, Addresses),
}

/// The endpoints' records or counters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// The counters.
    #[error(transparent)]
    Counter(#[from] CounterError),
}

/// The endpoints of this node.
#[derive(Debug)]
pub(in crate::agent) struct Endpoints {
    pub(super) context: Context,
    pub(super) tables: EndpointTables<KernelMaps>,
    pub(super) records: RecordStore,
    pub(super) turns: Turns,
    pub(super) hurry: Hurry,
    pub(super) reaper: Reaper,
    pub(super) rest: RestFile,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) by_key: HashMap<AttachmentKey, EndpointRecord>,
    pub(super) by_address: HashMap<IpAddr, AttachmentKey>,
    pub(super) ipam: Ipam,
    pub(super) incarnations: Counter,
    // Addresses and devices of ADDs that have not returned: no repair may take their entries away.
    pub(super) pending: HashMap<AttachmentKey, EndpointRecord>,
}

/// How much of the node's room is in use.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Usage {
    /// Endpoints.
    pub(in crate::agent) endpoints: usize,
    /// For each family: in use and still free.
    pub(in crate::agent) pools: Vec<(crate::model::Family, usize, u128)>,
}

impl Endpoints {
    /// Opens the records' directory. [`Endpoints::restore`] takes them in.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub(in crate::agent) fn open(
        context: Context,
        state_dir: &Path,
        ipam: Ipam,
    ) -> Result<Arc<Self>, StartError> {
        let records = RecordStore::open(state_dir)?;
        let incarnations = Counter::open(state_dir, "incarnation", 0)?;
        let tables = EndpointTables::new(
            context.datapath.maps(),
            Arc::clone(context.policy.assigned()),
            Some(context.host),
        );
        let rest = RestFile::new(state_dir, &context.boot_id);
        let state = State {
            by_key: HashMap::new(),
            by_address: HashMap::new(),
            ipam,
            incarnations,
            pending: HashMap::new(),
        };
        Ok(Arc::new_cyclic(|this| Self {
            context,
            tables,
            records,
            turns: Turns::default(),
            hurry: Hurry::default(),
            reaper: Reaper::start(std::sync::Weak::clone(this)),
            rest,
            state: Mutex::new(state),
        }))
    }

    /// Sets the pod CIDRs of this node.
    pub(in crate::agent) fn set_ranges(&self, cidrs: &[ipnet::IpNet]) {
        self.state().ipam.set_ranges(cidrs);
    }

    /// Returns the endpoints, by number.
    pub(in crate::agent) fn records(&self) -> Vec<EndpointRecord> {
        let by_id: BTreeMap<EndpointId, EndpointRecord> =
            self.state().by_key.values().map(|record| (record.id, record.clone())).collect();
        by_id.into_values().collect()
    }

    /// Returns the endpoint of an attachment.
    pub(in crate::agent) fn record(&self, attachment: &AttachmentKey) -> Option<EndpointRecord> {
        self.state().by_key.get(attachment).cloned()
    }

    /// Returns the endpoint with an address.
    pub(in crate::agent) fn by_address(&self, address: IpAddr) -> Option<EndpointRecord> {
        let state = self.state();
        state.by_address.get(&address).and_then(|key| state.by_key.get(key)).cloned()
    }

    /// Returns how much room is in use.
    pub(in crate::agent) fn usage(&self) -> Usage {
        let state = self.state();
        Usage { endpoints: state.by_key.len(), pools: state.ipam.usage() }
    }

    /// Returns the devices whose removal is under way.
    pub(in crate::agent) fn leaving(&self) -> Vec<IfIndex> {
        self.reaper.pending()
    }

    /// Tells whether ADD could get addresses.
    pub(in crate::agent) fn pool(&self) -> Result<(), crate::cni::ipam::PoolError> {
        self.state().ipam.check(now())
    }

    /// Tells whether connected pods can rely on the maps.
    pub(in crate::agent) fn datapath_works(&self) -> Result<(), String> {
        match self.context.datapath.maps().get::<crate::maps::ConfigTable>(&0) {
            Ok(Some(config)) if config.abi_version == skep_bpf::abi::ABI_VERSION => Ok(()),
            Ok(_) => Err("the datapath has no configuration of this version".into()),
            Err(error) => Err(format!("{error}: {}", error.source)),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while holding the lock")
    }

    pub(super) fn cluster(&self) -> MutexGuard<'_, Cluster<KernelMaps>> {
        self.context.cluster.lock().expect("no panic while holding the lock")
    }

    pub(super) fn find(&self, key: &AttachmentKey) -> Option<EndpointRecord> {
        self.state().by_key.get(key).cloned()
    }

    /// Takes a record in; readers see it from now on.
    pub(super) fn insert(&self, record: EndpointRecord) {
        let mut state = self.state();
        state.pending.remove(&record.attachment);
        for address in record.addresses.iter() {
            state.by_address.insert(address, record.attachment.clone());
        }
        state.by_key.insert(record.attachment.clone(), record);
        drop(state);
        self.context.publish.notify_one();
    }

    /// Tells whether nothing in the datapath remembers an address.
    pub(super) fn is_clean(&self, address: IpAddr) -> bool {
        let maps = self.context.datapath.maps();
        let address = address.into();
        let remembers = |key: &CtKey| key.addr_a == address || key.addr_b == address;
        match maps.entries::<ConntrackTable>() {
            Ok(entries) => !entries.iter().any(|(key, _)| remembers(key)),
            Err(_) => false,
        }
    }
}

/// Returns a record's addresses as the cluster's state wants them.
pub(super) fn local_addresses(record: &EndpointRecord) -> Vec<LocalAddress> {
    let addresses = record.addresses.iter();
    addresses
        .map(|address| LocalAddress {
            address,
            identity: record.identity,
            incarnation: record.incarnation,
            pod: record.pod.clone(),
        })
        .collect()
}

/// Returns the number that an endpoint gets: endpoints are numbered by their incarnation.
pub(super) fn endpoint_id(incarnation: Incarnation) -> EndpointId {
    EndpointId(incarnation.0)
}

/// Returns the time since boot.
pub(in crate::agent) fn now() -> Duration {
    let clock = nix::time::ClockId::CLOCK_BOOTTIME;
    clock.now().map(Duration::from).unwrap_or_default()
}
