//! Certificates: authorities, and what they sign.
//!
//! The operator makes those of the Hubble API, the lab those of its API server and of its world. Whoever reads
//! certificates takes them as PEM; how they are used on connections is [`crate::api`]'s.

mod authority;
mod certified;
mod validity;

pub use authority::{Authority, CertificateError};
pub use certified::Certified;
pub use validity::Validity;
