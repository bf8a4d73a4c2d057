//! The DNS servers of a lab: the cluster's, and the world's.
//!
//! The wire is the `domain` crate's; what is here says which names there are. [`server`] reads
//! queries and writes replies over UDP and TCP, a [`Responder`] decides what they say:
//! [`cluster`] from the objects of the Kubernetes API, the world from its table of names.

mod answer;
mod cluster;
mod forward;
mod message;
mod name;
mod objects;
mod record;
mod resolv_conf;
mod server;

pub use cluster::{ClusterDnsError, serve as cluster_dns};

pub(crate) use answer::Apex;
pub(crate) use answer::{Answer, Outcome};
pub(crate) use message::Query;
pub(crate) use name::{as_reverse, reverse_of};
pub(crate) use objects::{DOMAIN, SERVICE, nameservers, objects};
pub(crate) use record::{Data, Kind, Record};
pub(crate) use resolv_conf::of_pod as resolv_conf_of_pod;
pub use server::ServerError;
pub(crate) use server::{Reply, Responder, Servers, Transport};

#[cfg(test)]
mod tests;
