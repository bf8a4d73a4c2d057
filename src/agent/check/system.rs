//! The kernel's devices, routes and attachments, and the disk, against what is desired.

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use crate::{
    agent::{node::Devices, shared::Agent, sockets},
    api::Finding,
    cni::record::EndpointRecord,
    kernel::{Direction, Hook, Netlink, Owner},
};

/// Every device has exactly one program of this datapath in each direction.
pub(super) fn attachments(
    agent: &Agent,
    records: &[EndpointRecord],
    devices: &Devices,
) -> Vec<Finding> {
    let all = {
        let _held = agent.endpoints.hold_attachments();
        agent.datapath.attachments()
    };
    let all = match all {
        Ok(all) => all,
        Err(error) => return vec![finding("attachments", error.to_string())],
    };
    let mut wanted: BTreeMap<u32, (Hook, String)> = BTreeMap::new();
    for record in records {
        wanted.insert(record.ifindex.0, (Hook::Pod, record.host_ifname.clone()));
    }
    for (index, hook, name) in devices.hooks() {
        wanted.insert(index.0, (hook, name));
    }
    let mut findings = Vec::new();
    for (index, (hook, name)) in &wanted {
        for direction in Direction::BOTH {
            let here = all.iter().filter(|a| a.ifindex.0 == *index && a.direction == direction);
            let current = here.filter(|a| a.owner == Owner::Current && a.hook == Some(*hook));
            let count = current.count();
            if count != 1 {
                let program = hook.program(direction);
                let message = format!("{program} is {count} times on {name}, not once");
                findings.push(finding("attachments", message));
            }
        }
    }
    // Their map entries are gone, so nothing passes; the kernel takes its time to remove them.
    let leaving = agent.endpoints.leaving();
    for attachment in all {
        if leaving.contains(&attachment.ifindex) {
            continue;
        }
        let known = wanted.contains_key(&attachment.ifindex.0);
        let ours = attachment.owner != Owner::Foreign;
        if ours && (!known || attachment.owner == Owner::Previous) {
            let message = format!(
                "{} (id {}) is still on device {}",
                attachment.program_name, attachment.program_id, attachment.ifindex
            );
            findings.push(finding("attachments", message));
        }
    }
    findings
}

/// Services are in the maps, and their programs on the control group.
pub(super) fn services(agent: &Agent) -> Vec<Finding> {
    let behind = agent.balancer.health().behind;
    let faults = behind.into_iter().chain(sockets::fault(agent));
    faults.map(|fault| finding("services", fault)).collect()
}

/// Every endpoint has its device.
pub(super) fn devices(records: &[EndpointRecord]) -> Vec<Finding> {
    let links = match Netlink::open().and_then(|netlink| netlink.links()) {
        Ok(links) => links,
        Err(error) => return vec![finding("devices", error.to_string())],
    };
    let mut findings = Vec::new();
    for record in records {
        let name = &record.host_ifname;
        let link = links.iter().find(|link| link.index == record.ifindex);
        match link.filter(|link| link.name == *name) {
            None => findings.push(finding("devices", format!("{name} is missing"))),
            Some(link) if !link.up => findings.push(finding("devices", format!("{name} is down"))),
            Some(_) => {}
        }
    }
    findings
}

/// The routes to other nodes' pods are there.
pub(super) fn routes(agent: &Agent) -> Vec<Finding> {
    match Netlink::open().and_then(|netlink| netlink.routes()) {
        Ok(present) => {
            let routes = agent.routes.lock().expect("no panic while holding the lock");
            let missing = routes.missing(&present);
            missing.iter().map(|net| finding("routes", format!("no route to {net}"))).collect()
        }
        Err(error) => vec![finding("routes", error.to_string())],
    }
}

/// The disk remembers exactly the endpoints.
pub(super) fn records(agent: &Agent, records: &[EndpointRecord]) -> Vec<Finding> {
    let stored = match agent.endpoints.stored() {
        Ok(stored) => stored,
        Err(error) => return vec![finding("records", error.to_string())],
    };
    let mut findings = Vec::new();
    for record in records {
        match stored.iter().find(|other| other.host_ifname == record.host_ifname) {
            Some(other) if other == record => {}
            Some(_) => {
                findings.push(finding("records", format!("{} differs", record.host_ifname)));
            }
            None => findings.push(finding("records", format!("{} is missing", record.host_ifname))),
        }
    }
    for other in &stored {
        if !records.iter().any(|record| record.host_ifname == other.host_ifname) {
            findings.push(finding("records", format!("{} is too many", other.host_ifname)));
        }
    }
    findings
}

/// No address belongs to two endpoints.
pub(super) fn addresses(records: &[EndpointRecord]) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let all = records.iter().flat_map(|record| record.addresses.iter());
    let twice = all.filter(|address| !seen.insert(*address));
    twice.map(|address| finding("addresses", format!("{address} has two owners"))).collect()
}
