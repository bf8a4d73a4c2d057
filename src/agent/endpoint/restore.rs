//! Endpoints of an earlier agent, and their relabelling.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use skep_bpf::abi::{DeviceValue, NetnsValue};
use tracing::{error, info, warn};

use super::{
    Endpoints,
    labelling::Labelled,
    set::{StartError, local_addresses, now},
    tables::Stage,
};
use crate::{
    cni::{
        record::{Counter, EndpointRecord, RecordError},
        wire::{AttachmentKey, Failure},
    },
    kernel::{Hook, Link, NetNs, Netlink, NetlinkError},
    maps::MapError,
    model::{Addresses, Identity},
};

/// What a restore found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Restored {
    /// Endpoints that go on.
    pub(in crate::agent) kept: usize,
    /// Endpoints whose device or namespace is gone.
    pub(in crate::agent) dropped: usize,
    /// Records that could not be read.
    pub(in crate::agent) quarantined: usize,
    /// Pod devices without a record.
    pub(in crate::agent) strays: usize,
}

/// Host sides of pods' devices.
const PREFIX: &str = "skep";

impl Endpoints {
    /// Takes in the records of this boot whose devices still exist. Their traffic goes on all the
    /// while; nothing is detached, and programs are replaced in place.
    ///
    /// # Errors
    /// When the records or the devices cannot be listed.
    pub(in crate::agent) fn restore(
        &self,
        state_dir: &std::path::Path,
    ) -> Result<Restored, StartError> {
        let loaded = self.records.load()?;
        let mut restored =
            Restored { quarantined: loaded.quarantined.len(), ..Restored::default() };
        for path in &loaded.quarantined {
            error!(path = %path.display(), "endpoint record cannot be read and is set aside");
        }
        let highest = loaded.records.iter().map(|record| record.incarnation.0).max().unwrap_or(0);
        self.state().incarnations = Counter::open(state_dir, "incarnation", highest)?;
        let resting = self.rest.load();
        let links = match pod_links() {
            Ok(links) => links,
            Err(problem) => {
                error!(error = %problem, "devices cannot be listed; records are kept as they are");
                return Ok(restored);
            }
        };
        for record in loaded.records {
            if self.continues(&record, &links) {
                self.take_back(record);
                restored.kept += 1;
            } else {
                info!(device = record.host_ifname, "pod is gone, its record is removed");
                self.forget(&record, &links);
                restored.dropped += 1;
            }
        }
        self.state().ipam.restore_resting(&resting);
        let known = self.records();
        for link in links.values() {
            if !known.iter().any(|record| record.host_ifname == link.name) {
                restored.strays += 1;
                self.remove_stray(link);
            }
        }
        Ok(restored)
    }

    /// Makes the endpoint and device maps as the records say.
    ///
    /// # Errors
    /// When a map refuses.
    pub(in crate::agent) fn repair(
        &self,
        devices: &[(u32, DeviceValue)],
    ) -> Result<usize, MapError> {
        // The lock keeps an ADD or DEL from changing what is compared.
        let state = self.state();
        let records: Vec<_> = state.by_key.values().cloned().collect();
        let pending: Vec<_> = state.pending.values().cloned().collect();
        let differing = self.tables.repair(&records, &pending, devices);
        drop(state);
        differing
    }

    /// Changes the addresses of the node itself; the next repair writes them.
    pub(in crate::agent) fn set_host(&self, addresses: Addresses) {
        self.tables.set_host(addresses);
    }

    /// Returns the entries that the map of network namespaces should have for some endpoints.
    pub(in crate::agent) fn namespaces(
        &self,
        records: &[EndpointRecord],
    ) -> BTreeMap<u64, NetnsValue> {
        self.tables.namespaces(records)
    }

    /// Returns the endpoints that the disk remembers.
    ///
    /// # Errors
    /// When the records cannot be listed.
    pub(in crate::agent) fn stored(&self) -> Result<Vec<EndpointRecord>, RecordError> {
        self.records.read_all()
    }

    /// Puts a pod's device back under the current programs.
    pub(in crate::agent) fn attach_all(&self) {
        for record in self.records() {
            if let Err(error) = self.context.datapath.attach(Hook::Pod, record.ifindex) {
                error!(
                    device = record.host_ifname,
                    error = &error as &dyn std::error::Error,
                    "programs not replaced on a pod's device"
                );
            }
        }
    }

    /// Gives endpoints the identities of their pods as they are now. Returns how many changed.
    pub(in crate::agent) async fn relabel(self: &Arc<Self>, gone: &[Identity]) -> usize {
        let mut changed = 0;
        for record in self.records() {
            let Some(pod) = &record.pod else { continue };
            let Some(labelled) = self.context.labelling.of_known(pod).await else { continue };
            let news = labelled.identity != record.identity || labelled.labels != record.labels;
            // A failure to agree must not take an identity away that the pod has.
            let worse = labelled.identity == Identity::INIT && record.identity != Identity::INIT;
            if !(news || gone.contains(&record.identity)) || worse {
                continue;
            }
            let this = Arc::clone(self);
            let attachment = record.attachment.clone();
            let done =
                tokio::task::spawn_blocking(move || this.set_identity(&attachment, labelled));
            match done.await {
                Ok(Ok(())) => changed += 1,
                Ok(Err(failure)) => warn!(msg = failure.msg, "endpoint not relabelled"),
                Err(error) => error!(%error, "relabelling ended early"),
            }
        }
        changed
    }

    /// The identity must be known before any entry has it, and legs that were judged for the old
    /// one are judged again.
    fn set_identity(&self, attachment: &AttachmentKey, labelled: Labelled) -> Result<(), Failure> {
        let _turn = self.turns.take(attachment);
        let Some(mut record) = self.find(attachment) else { return Ok(()) };
        let before = record.identity;
        record.identity = labelled.identity;
        record.labels = labelled.labels;
        let failed = |msg: &str| Failure::new(crate::cni::code::DATAPATH, msg);
        self.records.save(&record).map_err(|e| failed("record not written").because(&e))?;
        self.assign(&record);
        self.cluster().put_local(&local_addresses(&record));
        // In the set first, so that no repair puts the old identity back.
        self.insert(record.clone());
        let map = |e| failed("map not written").because(&e);
        self.tables.put_device(&record, Stage::Ready).map_err(map)?;
        self.tables.put_endpoint(&record).map_err(map)?;
        if before != record.identity {
            info!(
                endpoint = record.id.0,
                from = before.0,
                to = record.identity.0,
                "endpoint relabelled"
            );
            let raised = self.context.policy.bump();
            raised.map_err(|e| failed("revision not raised").because(&e))?;
        }
        Ok(())
    }

    /// The same boot, the same device, and no other namespace in the place of the pod's.
    fn continues(&self, record: &EndpointRecord, links: &HashMap<u32, Link>) -> bool {
        let device = links.get(&record.ifindex.0);
        let replaced =
            NetNs::open(&record.netns).is_ok_and(|netns| netns.inode() != record.netns_inode);
        record.boot_id == self.context.boot_id
            && device.is_some_and(|link| link.name == record.host_ifname)
            && !replaced
    }

    fn take_back(&self, mut record: EndpointRecord) {
        if record.netns_cookie == 0 {
            record.netns_cookie = netns_cookie(&record);
        }
        self.state().ipam.claim(record.addresses);
        self.context.policy.take_back(&record, self.named_ports(&record));
        self.cluster().put_local(&local_addresses(&record));
        self.insert(record);
    }

    fn forget(&self, record: &EndpointRecord, links: &HashMap<u32, Link>) {
        if let Err(error) = self.records.remove(&record.host_ifname) {
            warn!(%error, "record of a gone pod not removed");
        }
        if let Err(error) = self.tables.remove(record) {
            warn!(%error, "map entries of a gone pod stay until the next repair");
        }
        self.context.policy.forget(record.id);
        let own = links.get(&record.ifindex.0).is_some_and(|link| link.name == record.host_ifname);
        if own && record.boot_id == self.context.boot_id {
            self.state().ipam.claim(record.addresses);
            self.reaper.push(record.clone());
        } else {
            let mut state = self.state();
            state.ipam.claim(record.addresses);
            state.ipam.release(record.addresses, now());
        }
    }

    /// A device without a record belongs to an ADD that never returned or a DEL that did.
    fn remove_stray(&self, link: &Link) {
        info!(device = link.name, "pod device without a record removed");
        let deleted = Netlink::open().and_then(|netlink| netlink.delete_link(link.index));
        if let Err(error) = deleted
            && !error.is_absent()
        {
            warn!(device = link.name, %error, "device not removed");
        }
        if let Err(error) = self.context.datapath.detach(Hook::Pod, link.index) {
            warn!(device = link.name, %error, "programs not detached");
        }
    }
}

/// Returns what the record of an earlier version does not say; 0 if nobody knows.
fn netns_cookie(record: &EndpointRecord) -> u64 {
    let opened = NetNs::open(&record.netns).map_err(NetlinkError::from);
    let cookie = opened.and_then(|netns| Netlink::open_in(&netns)?.netns_cookie());
    cookie.unwrap_or_else(|error| {
        warn!(device = record.host_ifname, %error, "what the pod connects is not known to be its");
        0
    })
}

fn pod_links() -> Result<HashMap<u32, Link>, NetlinkError> {
    let links = Netlink::open()?.links()?;
    let ours = |link: &Link| {
        let digits = link.name.strip_prefix(PREFIX);
        link.kind.as_deref() == Some("veth")
            && digits.is_some_and(|d| d.len() == 10 && d.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    Ok(links.into_iter().filter(ours).map(|link| (link.index.0, link)).collect())
}
