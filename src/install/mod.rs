//! What an installation of skep puts into a cluster.
//!
//! The lab uses the same objects, so that what works there works with the rights of a real installation.

mod kinds;
mod redirect;
mod rights;

pub use kinds::{is_defined, kinds};
pub use rights::{AGENT, NAMESPACE, OPERATOR, RELAY, rights};
