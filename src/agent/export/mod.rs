//! Flows as lines of JSON, to files and stdout.
//!
//! What is exported stands in a file that is read again when it changes ([`plan`]); each export follows the
//! observer like any other reader ([`task`]), so a slow disk loses flows, which is counted and told, and holds up
//! nobody. Files are rotated ([`file`]).

mod file;
mod plan;
mod task;
#[cfg(test)]
mod tests;

pub(super) use task::export_flows;
