//! ADD: connect a container.

use tracing::{info, warn};

use super::{
    Endpoints,
    labelling::Labelled,
    set::{endpoint_id, local_addresses, now},
    tables::Stage,
};
use crate::{
    agent::{
        node::{GATEWAYS, random_mac},
        policy::named_port,
    },
    cni::{
        code,
        record::{EndpointRecord, host_ifname},
        wire::{Attached, AttachedAddress, AttachmentKey, Failure},
    },
    kernel::{Hook, NetNs, PodDevice, PodDeviceError, PodDeviceSpec},
    model::{IfIndex, Incarnation, PodRef},
    policy::cluster::NamedPort,
};

/// What ADD is asked to connect.
#[derive(Debug)]
pub(in crate::agent) struct Wanted {
    pub(in crate::agent) attachment: AttachmentKey,
    pub(in crate::agent) pod: Option<PodRef>,
    pub(in crate::agent) path: String,
    pub(in crate::agent) netns: NetNs,
}

/// Which ADD made what is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Made {
    /// This one.
    Now,
    /// An earlier one of the same attachment.
    Before,
}

impl Endpoints {
    /// Connects a container, or returns what an earlier ADD of the same attachment made.
    ///
    /// # Errors
    /// When it is connected elsewhere, there is no address, or the kernel refuses; nothing is left
    /// behind then.
    pub(in crate::agent) fn add(&self, wanted: Wanted) -> Result<(Attached, Made), Failure> {
        let _busy = self.hurry.begin();
        let _turn = self.turns.take(&wanted.attachment);
        if let Some(existing) = self.find(&wanted.attachment) {
            return self.added_before(&existing, &wanted).map(|attached| (attached, Made::Before));
        }
        // The identity may take a request to the API server; devices are made meanwhile.
        let labelling = std::sync::Arc::clone(&self.context.labelling);
        let pod = wanted.pod.clone();
        let labelled =
            self.context.runtime.spawn(async move { labelling.of_new(pod.as_ref()).await });
        let mut record = self.reserve(&wanted)?;
        let result = self.connect(&mut record, &wanted, labelled);
        if let Err(failure) = result {
            self.undo(&record);
            self.state().pending.remove(&record.attachment);
            return Err(failure);
        }
        info!(
            endpoint = record.id.0,
            pod = wanted.pod.map(|pod| pod.to_string()),
            device = record.host_ifname,
            identity = record.identity.0,
            "endpoint connected"
        );
        let attached = attached(&record);
        self.insert(record);
        Ok((attached, Made::Now))
    }

    fn added_before(
        &self,
        existing: &EndpointRecord,
        wanted: &Wanted,
    ) -> Result<Attached, Failure> {
        if existing.netns_inode == wanted.netns.inode() {
            return Ok(attached(existing));
        }
        let msg = format!(
            "container {} is connected in another network namespace ({}); DEL it first",
            wanted.attachment.container_id, existing.netns
        );
        Err(Failure::new(code::INVALID_ENVIRONMENT, msg))
    }

    /// Takes addresses and an incarnation.
    fn reserve(&self, wanted: &Wanted) -> Result<EndpointRecord, Failure> {
        let mut state = self.state();
        let clean = |address| self.is_clean(address);
        let addresses = state.ipam.allocate(now(), &clean).map_err(|error| {
            Failure::new(code::TRY_LATER, format!("no address for the pod: {error}"))
        })?;
        let incarnation = state.incarnations.draw().map(Incarnation).map_err(|error| {
            state.ipam.give_back(addresses);
            Failure::new(code::TRY_LATER, "the endpoint cannot be remembered on disk")
                .because(&error)
        })?;
        drop(state);
        Ok(EndpointRecord {
            id: endpoint_id(incarnation),
            incarnation,
            host_ifname: host_ifname(&wanted.attachment),
            attachment: wanted.attachment.clone(),
            pod: wanted.pod.clone(),
            addresses,
            ifindex: IfIndex(0),
            mac: random_mac(),
            host_mac: random_mac(),
            mtu: self.context.device_mtu,
            netns: wanted.path.clone(),
            netns_inode: wanted.netns.inode(),
            netns_cookie: 0,
            boot_id: self.context.boot_id.clone(),
            identity: crate::model::Identity::INIT,
            labels: crate::model::Labels::default(),
            created: jiff::Timestamp::now().as_second(),
        })
    }

    /// Makes the device and everything that depends on it; packets flow at the end.
    fn connect(
        &self,
        record: &mut EndpointRecord,
        wanted: &Wanted,
        labelled: tokio::task::JoinHandle<Labelled>,
    ) -> Result<(), Failure> {
        let datapath = |msg: &str| Failure::new(code::DATAPATH, msg);
        let name = record.host_ifname.clone();
        let ifname = wanted.attachment.ifname.clone();
        let spec = self.spec(record, &wanted.netns, (&name, &ifname));
        let device = create(&spec)
            .map_err(|e| datapath("the pod's network device cannot be made").because(&e))?;
        record.ifindex = device.ifindex;
        record.netns_cookie = device.netns_cookie;
        self.state().pending.insert(record.attachment.clone(), record.clone());
        let map_failed = |e| datapath("the datapath's maps cannot be written").because(&e);
        self.tables.put_device(record, Stage::Preparing).map_err(map_failed)?;
        self.context
            .datapath
            .attach_hurried(Hook::Pod, record.ifindex)
            .map_err(|e| datapath("programs cannot be attached to the pod's device").because(&e))?;
        let labelled =
            self.context.runtime.block_on(labelled).map_err(|e| {
                Failure::new(code::TRY_LATER, "the agent is shutting down").because(&e)
            })?;
        record.identity = labelled.identity;
        record.labels = labelled.labels;
        self.records.save(record).map_err(|e| {
            Failure::new(code::TRY_LATER, "the endpoint cannot be remembered on disk").because(&e)
        })?;
        self.assign(record);
        self.cluster().put_local(&local_addresses(record));
        self.tables.put_device(record, Stage::Ready).map_err(map_failed)?;
        self.tables.put_endpoint(record).map_err(map_failed)?;
        device
            .bring_up(&spec)
            .map_err(|e| datapath("the pod's network device cannot be set up").because(&e))
    }

    /// Gives a new endpoint, or one with new labels, its policies.
    pub(super) fn assign(&self, record: &EndpointRecord) {
        self.context.policy.assign(record, self.named_ports(record));
    }

    /// Returns the ports that an endpoint's pod names.
    pub(super) fn named_ports(&self, record: &EndpointRecord) -> Vec<NamedPort> {
        let pod = record.pod.as_ref();
        let ports = pod.map(|pod| self.context.labelling.named_ports(pod)).unwrap_or_default();
        ports.iter().filter_map(named_port).collect()
    }

    /// Removes whatever an ADD that failed has made.
    fn undo(&self, record: &EndpointRecord) {
        if record.ifindex == IfIndex(0) {
            self.state().ipam.give_back(record.addresses);
            return;
        }
        self.cluster().remove_local(&local_addresses(record));
        if let Err(error) = self.tables.remove(record) {
            warn!(device = record.host_ifname, %error, "map entries stay until the next repair");
        }
        self.context.policy.forget(record.id);
        if let Err(error) = self.records.remove(&record.host_ifname) {
            warn!(device = record.host_ifname, %error, "record stays until the next start");
        }
        self.reaper.push(record.clone());
    }

    pub(super) fn spec<'a>(
        &self,
        record: &EndpointRecord,
        netns: &'a NetNs,
        (host_name, pod_ifname): (&'a str, &'a str),
    ) -> PodDeviceSpec<'a> {
        PodDeviceSpec {
            netns,
            host_name,
            pod_ifname,
            addresses: record.addresses,
            pod_mac: record.mac,
            host_mac: record.host_mac,
            mtu: record.mtu,
            route_mtu: self.context.route_mtu,
            gateways: GATEWAYS,
        }
    }
}

/// A device of this name can only be what an interrupted ADD of the same attachment left.
fn create(spec: &PodDeviceSpec<'_>) -> Result<PodDevice, PodDeviceError> {
    let first = PodDevice::create(spec);
    let exists = match &first {
        Err(PodDeviceError::Exists(_)) => true,
        Err(PodDeviceError::Netlink(error)) => error.is_exists(),
        _ => false,
    };
    if !exists {
        return first;
    }
    PodDevice::delete(spec.host_name)?;
    PodDevice::create(spec)
}

/// Returns what ADD tells of an endpoint.
fn attached(record: &EndpointRecord) -> Attached {
    let gateway = |address: std::net::IpAddr| {
        let mut gateways = GATEWAYS.iter();
        gateways.find(|gateway| gateway.is_ipv4() == address.is_ipv4())
    };
    let addresses = record
        .addresses
        .iter()
        .filter_map(|address| Some(AttachedAddress { address, gateway: gateway(address)? }));
    Attached {
        host_ifname: record.host_ifname.clone(),
        host_mac: record.host_mac,
        mac: record.mac,
        mtu: record.mtu,
        addresses: addresses.collect(),
    }
}
