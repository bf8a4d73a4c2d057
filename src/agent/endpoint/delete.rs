//! DEL and GC: disconnect containers.

use std::collections::HashSet;

use tracing::{info, warn};

use super::{Endpoints, set::local_addresses};
use crate::{
    cni::{
        code,
        record::{EndpointRecord, host_ifname},
        wire::{AttachmentKey, Failure},
    },
    kernel::{NetNs, PodDevice},
};

impl Endpoints {
    /// Disconnects a container. Succeeds for one that is not connected.
    ///
    /// # Errors
    /// When the record cannot be removed from the disk: nothing has changed then.
    pub(in crate::agent) fn delete(&self, attachment: &AttachmentKey) -> Result<(), Failure> {
        let _turn = self.turns.take(attachment);
        match self.find(attachment) {
            Some(record) => self.disconnect(record),
            None => {
                // Whatever an ADD that was cut off may have left.
                if let Err(error) = PodDevice::delete(&host_ifname(attachment)) {
                    warn!(%error, "leftover device not removed");
                }
                Ok(())
            }
        }
    }

    /// Disconnects every container that the runtime does not know, except those that live.
    ///
    /// # Errors
    /// The first failure, after all were tried.
    pub(in crate::agent) fn collect(&self, valid: &[AttachmentKey]) -> Result<(), Failure> {
        let valid: HashSet<_> = valid.iter().collect();
        let mut result = Ok(());
        for record in self.records() {
            if valid.contains(&record.attachment) {
                continue;
            }
            if self.lives(&record) {
                warn!(
                    container = record.attachment.container_id,
                    "container is not in the runtime's list but its namespace lives; kept"
                );
                continue;
            }
            info!(container = record.attachment.container_id, "container collected");
            result = result.and(self.delete(&record.attachment));
        }
        result
    }

    /// Tells whether a container's namespace still exists where it was.
    pub(super) fn lives(&self, record: &EndpointRecord) -> bool {
        NetNs::open(&record.netns).is_ok_and(|netns| netns.inode() == record.netns_inode)
    }

    /// Stops the traffic, then removes the state; the device goes later, its addresses after it.
    pub(super) fn disconnect(&self, record: EndpointRecord) -> Result<(), Failure> {
        self.records.remove(&record.host_ifname).map_err(|e| {
            Failure::new(code::TRY_LATER, "the endpoint's record cannot be removed").because(&e)
        })?;
        // Out of the set first, so that no repair puts the entries back.
        let mut state = self.state();
        state.by_key.remove(&record.attachment);
        for address in record.addresses.iter() {
            if state.by_address.get(&address) == Some(&record.attachment) {
                state.by_address.remove(&address);
            }
        }
        drop(state);
        if let Err(error) = self.tables.remove(&record) {
            warn!(device = record.host_ifname, %error, "map entries stay until the next repair");
        }
        self.context.policy.forget(record.id);
        self.cluster().remove_local(&local_addresses(&record));
        info!(endpoint = record.id.0, device = record.host_ifname, "endpoint disconnected");
        self.context.publish.notify_one();
        self.reaper.push(record);
        Ok(())
    }
}
