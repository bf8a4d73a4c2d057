//! The maps of services, decoded.

mod affinity;
mod backend;
mod frontend;
mod list;
mod maglev;

pub use affinity::BpfAffinity;
pub use backend::BpfBackend;
pub use frontend::BpfFrontend;
pub use maglev::{BpfMaglev, MaglevShare};

#[cfg(test)]
mod tests;
