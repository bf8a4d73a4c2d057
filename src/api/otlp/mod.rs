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

crate::hubble::package! {
    /// The messages.
    logs: "opentelemetry.proto.collector.logs.v1.rs"
}
