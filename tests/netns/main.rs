//! Real devices, real traffic, in namespaces that the tests make. Needs root:
//! `cargo test --test netns -- --ignored`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells figures on the console"
)]

mod attach;
mod bench;
mod maps;
mod netlink;
mod pods;
mod policies;
#[path = "../support/mod.rs"]
mod support;
