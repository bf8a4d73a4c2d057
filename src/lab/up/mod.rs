//! Bringing a lab up, or its processes when the rest of it is there.

mod bring;
mod construct;
mod error;
mod populate;
mod revive;

pub use bring::{UpOptions, UpReport, up};
pub use error::UpError;
