//! The Hubble API: its messages, and a node's server asked by gRPC.

mod access;
mod contract;
mod history;
mod node;
mod otlp;
mod questions;
mod readers;
mod relay;
mod services;
mod tls;
