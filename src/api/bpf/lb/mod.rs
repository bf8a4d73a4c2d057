//! The maps of services, decoded.

mod affinity;
mod backend;
mod frontend;
mod list;
mod maglev;
mod revnat;

pub use affinity::BpfAffinity;
pub use backend::BpfBackend;
pub use frontend::BpfFrontend;
pub use maglev::{BpfMaglev, MaglevShare};
pub use revnat::BpfRevNat;

#[cfg(test)]
mod tests;
