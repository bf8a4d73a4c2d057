//! Flows as lines of JSON, to files and stdout, and as log records of OpenTelemetry, to collectors.
//!
//! What is exported stands in a file that is read again when it changes ([`plan`], [`entry`], [`task`]); each export
//! follows the observer like any other reader ([`run`]), so a slow disk or collector loses flows, which is counted and
//! told ([`board`]), and holds up nobody. Files are rotated ([`write`], [`file`]); collectors get batches
//! ([`collector`]).

mod board;
mod collector;
mod entry;
mod file;
mod plan;
mod run;
mod task;
#[cfg(test)]
mod tests;
mod write;

pub(super) use board::{Board, HubbleMetrics, OwnMetrics};
pub(super) use task::export_flows;
