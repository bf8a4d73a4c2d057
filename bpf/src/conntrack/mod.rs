//! Connection tracking: one entry per connection with both legs in it.
//!
//! The leg of the opener is its egress, the leg of the responder is its ingress. A leg counts only
//! where its endpoint is local.

mod entry;
mod write;

pub use entry::{Found, News, find, find_alias, find_busy, is_expired, is_over, news};
pub use write::{create, put};
