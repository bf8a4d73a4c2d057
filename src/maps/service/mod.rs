//! Services as map entries.
//!
//! A frontend names the list of its backends and how long that is; the list names the backends by number.
//! [`ServiceWriter`] writes them in an order in which a program never finds a place without a backend.

mod arrange;
mod check;
mod each;
mod encode;
mod left;
mod list;
mod stale;
mod writer;
mod written;

pub use check::differences;
pub use encode::{decode_frontend_key, encode_backend, encode_frontend_key};
pub use left::Left;
pub use writer::{Extent, ServiceError, ServiceWriter};

#[cfg(test)]
#[path = "../tests/service.rs"]
mod tests;
