//! The cluster's DNS: names of services, their endpoints and pods, as Kubernetes specifies them
//! (its DNS specification, version 1.1.0).

mod index;
mod serve;
mod zone;

pub use serve::{ClusterDnsError, serve};

#[cfg(test)]
pub(super) use {
    index::Index,
    zone::{ClusterZone, Knowledge},
};
