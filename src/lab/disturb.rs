//! Disturbing the network between nodes: partitions, loss and delay.

use std::{net::IpAddr, path::PathBuf};

use super::{
    fabric::{BRIDGE, UPLINK},
    machine,
    plan::{self, NodePlan},
    state::{LabDir, StateError},
};
use crate::{
    kernel::{Disturbance, NetNs, NetNsError, Netlink, NetlinkError, Route, RouteKind},
    model::IfIndex,
};

/// The name by which the API server and the way to the world are meant.
const FABRIC: &str = "fabric";

/// The network could not be disturbed.
#[derive(Debug, thiserror::Error)]
pub enum DisturbError {
    /// There is no such lab or node.
    #[error(transparent)]
    State(#[from] StateError),
    /// A node's namespace cannot be opened: it is off.
    #[error("node {node} is off")]
    Off {
        /// The node.
        node: String,
        /// The reason.
        #[source]
        source: NetNsError,
    },
    /// Both ends are the same.
    #[error("{node} cannot be cut off from itself")]
    Same {
        /// The node.
        node: String,
    },
    /// The kernel has no netem.
    #[error("this kernel has no netem qdisc")]
    NoNetem(#[source] NetlinkError),
    /// The kernel refused.
    #[error("cannot change the network of {node}")]
    Refused {
        /// The node.
        node: String,
        /// The reason.
        #[source]
        source: NetlinkError,
    },
}

/// Whether two ends can reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing gets through, in either direction.
    Cut,
    /// As it was.
    Whole,
}

/// One end of a connection.
struct End {
    name: String,
    place: PathBuf,
    device: &'static str,
    addresses: Vec<IpAddr>,
}

impl End {
    fn find(dir: &LabDir, name: &str) -> Result<Self, StateError> {
        if name == FABRIC {
            let families = dir.record()?.spec.ip_family;
            let has = |ip: &IpAddr| families.has(plan::family(&(*ip).into()));
            return Ok(Self {
                name: name.to_owned(),
                place: dir.fabric(),
                device: BRIDGE,
                addresses: plan::FABRIC.iter().filter(has).collect(),
            });
        }
        let plan: NodePlan = machine::plan(dir, name)?;
        Ok(Self {
            place: dir.node(name).path().to_owned(),
            device: UPLINK,
            addresses: plan.ips().collect(),
            name: plan.name,
        })
    }

    fn open(&self) -> Result<Netlink, DisturbError> {
        let off = |source| DisturbError::Off { node: self.name.clone(), source };
        let netns = NetNs::open(self.place.join("net")).map_err(off)?;
        Netlink::open_in(&netns).map_err(|source| self.refused(source))
    }

    fn refused(&self, source: NetlinkError) -> DisturbError {
        DisturbError::Refused { node: self.name.clone(), source }
    }
}

/// Cuts two nodes off from each other, or a node from the `fabric`: the API server and the world.
/// Other nodes reach both as before.
///
/// # Errors
/// When there is no such node, or it is off.
pub fn set_reach(dir: &LabDir, one: &str, other: &str, reach: Reach) -> Result<(), DisturbError> {
    let _lock = dir.lock()?;
    if one == other {
        return Err(DisturbError::Same { node: one.to_owned() });
    }
    let (one, other) = (End::find(dir, one)?, End::find(dir, other)?);
    let opened = [one.open()?, other.open()?];
    for (netlink, (from, to)) in opened.iter().zip([(&one, &other), (&other, &one)]) {
        turn(netlink, from, to, reach).map_err(|source| from.refused(source))?;
    }
    Ok(())
}

/// Makes what `from` sends to `to` go nowhere, or there again.
fn turn(netlink: &Netlink, from: &End, to: &End, reach: Reach) -> Result<(), NetlinkError> {
    let device = netlink.link_by_name(from.device)?;
    for address in &to.addresses {
        let result = if from.name == FABRIC {
            let route = Route::to_host(*address).kind(RouteKind::Blackhole);
            match reach {
                Reach::Cut => netlink.add_route(&route),
                Reach::Whole => netlink.remove_route(&route),
            }
        } else {
            // Sent to the node's own hardware address, a packet comes to the bridge by the very
            // port behind which it belongs: the bridge drops it. This holds for whatever the
            // packet is, tunnelled and routed ones as well, and needs nothing of the kernel.
            match (reach, device.mac) {
                (Reach::Cut, Some(own)) => netlink.add_neighbour(device.index, *address, own),
                (Reach::Cut, None) => Err(NetlinkError::NoDevice(from.device.to_owned())),
                (Reach::Whole, _) => netlink.remove_neighbour(device.index, *address),
            }
        };
        match result {
            Err(error) if error.is_absent() && reach == Reach::Whole => {}
            Err(error) if error.is_exists() && reach == Reach::Cut => {}
            other => other?,
        }
    }
    Ok(())
}

/// Loses and delays what a node sends and what it receives; no disturbance ends an earlier one.
///
/// # Errors
/// [`DisturbError::NoNetem`] where the kernel has no netem qdisc; when there is no such node, or
/// it is off.
pub fn set_netem(dir: &LabDir, node: &str, how: Option<Disturbance>) -> Result<(), DisturbError> {
    let _lock = dir.lock()?;
    let end = End::find(dir, node)?;
    let fabric = End::find(dir, FABRIC)?;
    let own = end.open()?;
    let sending = own.link_by_name(end.device).map_err(|source| end.refused(source))?.index;
    apply(&own, sending, how, &end)?;
    if end.name != FABRIC {
        // What comes to the node leaves the fabric by the port of its name.
        let netlink = fabric.open()?;
        let port = netlink.link_by_name(&end.name).map_err(|source| end.refused(source))?.index;
        apply(&netlink, port, how, &end)?;
    }
    Ok(())
}

fn apply(
    netlink: &Netlink,
    device: IfIndex,
    how: Option<Disturbance>,
    end: &End,
) -> Result<(), DisturbError> {
    match how {
        None => netlink.calm(device).map_err(|source| end.refused(source)),
        Some(how) => netlink.disturb(device, how).map_err(|source| {
            // The device is there, so what is absent is the kind of qdisc.
            if source.is_absent() { DisturbError::NoNetem(source) } else { end.refused(source) }
        }),
    }
}
