//! 5. Ring buffer bytes -> typed events.
//!
//! A record is decoded once, here. What is malformed is refused, never guessed.

mod decode;
mod event;

pub use decode::Malformed;
pub use event::{Direction, Event, EventKind, L4, Observation, Peer, Step, TcpFlags, Totals};
