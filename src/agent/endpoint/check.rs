//! CHECK: is a container as ADD left it?

use std::net::IpAddr;

use skep_bpf::abi::{device_flags, endpoint_flags};

use super::Endpoints;
use crate::{
    cni::{
        code,
        record::EndpointRecord,
        wire::{AttachmentKey, Failure},
    },
    kernel::{Direction, Hook, NetNs, Owner, PodDevice},
    maps::{DeviceTable, EndpointTable, MapStore},
};

impl Endpoints {
    /// Compares a container with what ADD made and told.
    ///
    /// # Errors
    /// The first difference, named.
    pub(in crate::agent) fn check(
        &self,
        attachment: &AttachmentKey,
        addresses: &[IpAddr],
        netns: &NetNs,
    ) -> Result<(), Failure> {
        let _turn = self.turns.take(attachment);
        let Some(record) = self.find(attachment) else {
            let msg = format!("container {} is not connected", attachment.container_id);
            return Err(Failure::new(code::UNKNOWN_CONTAINER, msg));
        };
        let differs = |msg: String| Err(Failure::new(code::CHECK_FAILED, msg));
        if record.netns_inode != netns.inode() {
            return differs("the container is in another network namespace".into());
        }
        if let Some(missing) = record.addresses.iter().find(|own| !addresses.contains(own)) {
            return differs(format!("the runtime's result lacks the address {missing}"));
        }
        let (host, pod) = (record.host_ifname.clone(), attachment.ifname.clone());
        let spec = self.spec(&record, netns, (&host, &pod));
        if let Err(error) = PodDevice::check(&spec) {
            return differs(error.to_string());
        }
        self.check_datapath(&record)
    }

    fn check_datapath(&self, record: &EndpointRecord) -> Result<(), Failure> {
        let differs = |msg: String| Err(Failure::new(code::CHECK_FAILED, msg));
        let unknown = |e: &dyn std::error::Error| {
            Failure::new(code::DATAPATH, "the kernel does not tell").because(e)
        };
        let attachments = self.context.datapath.attachments().map_err(|e| unknown(&e))?;
        for direction in Direction::BOTH {
            let attached = attachments.iter().any(|attachment| {
                attachment.ifindex == record.ifindex
                    && attachment.direction == direction
                    && attachment.owner == Owner::Current
            });
            if !attached {
                let program = Hook::Pod.program(direction);
                return differs(format!("the program {program} is not on {}", record.host_ifname));
            }
        }
        let maps = self.context.datapath.maps();
        let device = maps.get::<DeviceTable>(&record.ifindex.0).map_err(|e| unknown(&e))?;
        if device.is_none_or(|value| value.flags & device_flags::READY == 0) {
            return differs(format!("the device map has no ready entry of {}", record.host_ifname));
        }
        for address in record.addresses.iter() {
            let entry = maps.get::<EndpointTable>(&address.into()).map_err(|e| unknown(&e))?;
            if entry.is_none_or(|value| value.flags & endpoint_flags::READY == 0) {
                return differs(format!("the endpoint map has no ready entry of {address}"));
            }
        }
        Ok(())
    }
}
