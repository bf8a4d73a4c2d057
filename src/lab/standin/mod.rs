//! Stand-in servers: what a container of any image becomes in the lab.
//!
//! One process per container listens on the declared ports, in both families, and tells every
//! client who it is and whom it saw: HTTP requests get a JSON document, other TCP and UDP bytes
//! come back as they are.

mod answer;
mod listen;
pub(super) mod tcp;
pub(super) mod udp;

pub use answer::Whoami;
pub use listen::{Listen, Protocol, StandInError, serve};
