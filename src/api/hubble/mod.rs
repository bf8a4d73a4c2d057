//! The Hubble API of a node: gRPC that Hubble's clients speak.
//!
//! `observer.Observer`, `peer.Peer`, health and reflection, on a loopback address and on a unix socket.
//! [`serve`] serves a [`Node`]; every answer carries the header `hubble-server-version`. A reader that is
//! too slow loses flows and is told how many; nothing waits for it.

mod agent_events;
mod channel;
mod client;
mod door;
mod mask;
mod newer;
mod observer;
mod peers;
mod question;
mod server;
mod stream;

pub use agent_events::AgentEvents;
pub use channel::{channel, reach};
pub use client::{ServerError, ServerFlows, flows};
pub use door::{Door, OpenDoor};
pub use observer::Node;
pub use peers::{Peer, Peers};
pub use question::check;
pub use server::{HubbleError, serve, serve_relay};

/// Port of the Hubble API on a node.
pub const NODE_PORT: u16 = 4244;
/// Port of the Hubble API of a relay.
pub const RELAY_PORT: u16 = 4245;
