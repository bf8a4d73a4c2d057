//! The Hubble API of a node: gRPC that Hubble's clients speak.
//!
//! `observer.Observer`, `peer.Peer`, health and reflection, on an address and on a unix socket. Clients of this
//! machine may speak in the clear, all others need TLS.
//! [`serve`] serves a [`Node`]; every answer carries the header `hubble-server-version`. A reader that is
//! too slow loses flows and is told how many; nothing waits for it.

mod agent_events;
mod channel;
mod client;
mod connection;
mod door;
mod expiry;
mod mask;
mod newer;
mod observer;
mod peers;
mod place;
mod question;
mod server;
mod stream;
mod tls;
mod trust;

pub use agent_events::AgentEvents;
pub use channel::{channel, reach, secured};
pub(super) use channel::{channel_to, connect};
pub use client::{Server, ServerError, ServerFlows};
pub use door::{Door, OpenDoor};
pub use mask::{InvalidMask, Mask};
pub use observer::Node;
pub use peers::{Peer, Peers};
pub use question::{Question, check};
pub use server::{HubbleError, serve, serve_relay};
pub use tls::{Acceptor, Clients, Connector, Credentials, TlsError};
pub use trust::Trust;

pub use crate::model::hubble::{NODE_PORT, RELAY_PORT};
