//! Policies that redirect, as services.
//!
//! A policy is kept as a service whose endpoints are the pods of this node that it selects: numbers,
//! findings, reports and explanations are then the same as for services. It asks only for frontends for
//! which a pod is ready, and its claims go before those of services: what it asks for is its own while a
//! pod is ready, and is the service's again afterwards. Backends that both have keep their numbers.
//!
//! A policy is about its own namespace: services and addresses of others stay out of its reach
//! (CVE-2026-53935 in Cilium).

mod compile;
mod pods;
mod ports;
mod source;

pub(super) use compile::{Compiled, compile};
