//! The world outside the cluster: name, web and echo servers at every address of its networks.

mod names;
mod responder;
mod serve;
mod tls;

pub use names::{InvalidWorldName, NamesError, WorldName, WorldNames};
pub use serve::{WorldError, serve};
