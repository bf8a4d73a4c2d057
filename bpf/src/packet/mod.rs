//! Packets: access to their bytes, and what their headers say.

mod access;
mod extension;
pub mod ip;
mod parsed;
mod plain;
pub mod transport;

pub use access::{Covered, Mac, Packet, Route, Seek, Socket, Tunnel, Window, ZeroSum};
pub use parsed::{ETHERNET, Fragment, Kind, Parsed};
pub use plain::{Hops, Plain, destination};
