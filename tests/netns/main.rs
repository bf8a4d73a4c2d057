//! Real devices, real traffic, in namespaces that the tests make. Needs root:
//! `cargo test --test netns -- --ignored`.

mod attach;
mod maps;
mod netlink;
mod pods;
#[path = "../support/mod.rs"]
mod support;
