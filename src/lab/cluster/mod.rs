//! The cluster's objects as the lab's controllers and kubelets see and change them.
//!
//! Reads come from caches kept by watches; writes go to the API server and return how far the
//! caches must come before they show them.

mod action;
mod cache;
mod events;
mod view;

pub(super) use action::Action;
#[cfg(test)]
pub(super) use action::Write;
pub(super) use cache::{Cache, Cached};
pub(super) use events::{About, Events, Teller, Tone};
pub(super) use view::Cluster;
