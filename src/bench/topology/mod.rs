//! Networks to measure, each made of namespaces and gone when dropped.

mod bridge;
mod kube_proxy;
mod skep;
mod veth;

use std::net::IpAddr;

pub(super) use bridge::Bridge;
pub(super) use skep::Skep;
pub(super) use veth::Veth;

use super::{BenchError, load::Path};
use crate::{
    kernel::{NetNs, Netlink},
    model::{Addresses, Family, IfIndex},
};

/// A network with a client and a server.
pub(super) trait Topology {
    /// What it is called in the report.
    fn name(&self) -> &'static str;

    /// Returns the two ends.
    fn path(&self, family: Family) -> Path<'_>;

    /// Forgets what the last sample left behind, where that would weigh on the next one.
    fn forget(&self) -> Result<(), BenchError> {
        Ok(())
    }
}

const LOOPBACK: IfIndex = IfIndex(1);

/// Makes a namespace for one end.
fn end() -> Result<NetNs, BenchError> {
    let netns = NetNs::anonymous()?;
    Netlink::open_in(&netns)?.set_up(LOOPBACK)?;
    Ok(netns)
}

fn of_family(addresses: &Addresses, family: Family) -> IpAddr {
    addresses
        .iter()
        .find(|address| address.is_ipv4() == (family == Family::V4))
        .expect("every end has an address of each family")
}
