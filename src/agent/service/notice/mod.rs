//! What of services has no effect is told on them: one Event for each distinct finding.
//!
//! Every agent finds the same about a service. Told is what an agent finds about its own node: host
//! ports of its pods, and endpoints on it. An Event's name follows from what it says, so that agents with
//! endpoints of one service make it once. The rest is in `skep service list` and in the log.
//! That a map is full is told for each node.

mod notices;
mod queue;
mod task;
#[cfg(test)]
mod tests;

pub(in crate::agent) use task::tell;

pub(super) use notices::{cause, notices, refused};
pub(super) use queue::Queue;
