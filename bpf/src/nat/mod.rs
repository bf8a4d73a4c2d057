//! Source translation of pods to the address of the node.
//!
//! The tracked entry says what the other end sees; an alias in zone `NodeSnat`, keyed by the tuple
//! on the underlay, leads back to it. A port is claimed by inserting that alias.

mod claim;
mod quoted;
mod reverse;
mod rewrite;

pub use claim::{Ports, Translation, current, translate_flow};
pub use reverse::{find as find_original, may_be_translated};
pub use rewrite::{Change, Field, refresh_sums, rewrite, rewrite_flow};
