//! The whole product, in labs on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells figures on the console"
)]

mod attacks;
mod churn;
mod cni;
mod connectivity;
mod datagrams;
mod devices;
mod disk;
mod documented;
mod evidence;
mod exhausted;
mod faults;
mod footprint;
mod forgeries;
mod history;
mod host;
mod hubble;
mod kubectl;
mod lab;
mod lifecycle;
mod lint;
mod manifests;
mod metrics;
mod missing;
mod names;
mod nodes;
mod observe;
mod outside;
mod pods;
mod policy;
mod prometheus;
mod redirect;
mod refused;
mod restart;
mod room;
mod runtime;
mod services;
mod strangers;
mod traffic;
mod turn;
mod unserved;
mod vm;
mod wire;
mod workloads;
