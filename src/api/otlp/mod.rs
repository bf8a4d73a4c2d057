//! OpenTelemetry's protocol: flows as log records, sent to a collector by gRPC.
//!
//! [`record`] says how a flow looks there, [`Collector`] sends. Messages are generated from `proto/otlp`.

mod client;
#[cfg(test)]
pub(crate) mod receiver;
mod record;
mod retry;
#[cfg(test)]
mod tests;

pub use client::{Collector, InvalidEndpoint, SendError, Target, Tls};
pub use record::{Source, log};

/// The messages.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated"
)]
pub mod logs {
    include!(concat!(env!("OUT_DIR"), "/opentelemetry.proto.collector.logs.v1.rs"));
}
