//! The command line as users and scripts meet it: exit codes, both streams, JSON shapes. Needs no
//! root, no cluster and no kernel feature.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells figures on the console"
)]

mod agent;
mod cni;
mod connections;
mod connectivity;
mod counts;
mod deploy;
mod errors;
mod generated;
mod graph;
mod help;
mod lists;
mod looks;
mod monitor;
mod observe;
mod operator;
mod policy;
mod replay;
mod run;
mod service;
mod status;
mod top;
mod version;
