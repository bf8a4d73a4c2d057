//! The Hubble API: its messages, and a node's server asked by gRPC.

mod contract;
mod history;
mod node;
mod questions;
mod readers;
mod relay;
mod services;
mod tls;
