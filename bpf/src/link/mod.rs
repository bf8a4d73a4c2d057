//! The link layer: Ethernet, and what the gateway answers.

mod arp;
mod ethernet;
mod neighbour;

pub use arp::answer as answer_arp;
pub use ethernet::{Frame, read, turn};
pub use neighbour::answer as answer_neighbour;
