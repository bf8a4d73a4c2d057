//! The maps of services, decoded.

mod affinity;
mod backend;
mod frontend;

pub use affinity::BpfAffinity;
pub use backend::BpfBackend;
pub use frontend::BpfFrontend;

#[cfg(test)]
mod tests;
