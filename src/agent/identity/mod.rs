//! From a pod's labels to its identity: filter, derive, number, agree with the cluster.

mod book;
mod derive;
mod filter;
mod probe;
mod resolver;

pub(super) use book::Book;
pub(super) use derive::{Derivation, derive};
pub(super) use filter::LabelFilter;
pub(super) use resolver::{Known, Resolver};
