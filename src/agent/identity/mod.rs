//! From a pod's identity-relevant labels to its identity: number, agree with the cluster.

mod book;
mod probe;
mod resolver;

pub(super) use book::{Book, Touched};
pub(super) use probe::digest;
pub(super) use resolver::{Known, Resolver};
