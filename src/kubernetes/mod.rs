//! 1. Watch the cluster with kube-rs and turn API objects into model types at once.

pub mod crd;
mod exec;

pub use exec::{ExecError, Output, exec};
