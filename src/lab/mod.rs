//! A cluster in network namespaces on one machine.

pub mod apiserver;
