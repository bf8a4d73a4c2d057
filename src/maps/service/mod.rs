//! Services as map entries.
//!
//! A frontend names its number and how many backends it has; its slots name the backends by number.
//! [`ServiceWriter`] writes them in an order in which a program never finds a place without a backend.

mod arrange;
mod check;
mod encode;
mod left;
mod list;
mod spread;
mod stale;
mod writer;

pub use check::differences;
pub use encode::{decode_frontend_key, encode_backend, encode_frontend_key};
pub use left::Left;
pub use writer::{ServiceError, ServiceWriter};

#[cfg(test)]
#[path = "../tests/service.rs"]
mod tests;
