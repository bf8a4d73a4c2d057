//! Translation of sources: of pods to the address of the node, and of clients outside whose backend is
//! elsewhere.
//!
//! The tracked entry says what the other end sees; an alias in zone `NodeSnat`, keyed by the tuple
//! on the underlay, leads back to it. A port is claimed by inserting that alias.

mod claim;
mod quoted;
mod reverse;
mod rewrite;

pub use claim::{Ports, Translation, claim_end, current, translate_flow};
pub use quoted::rewrite_error;
pub(crate) use reverse::remember_as_it_came;
pub use reverse::{behind, untranslate};
pub use rewrite::{Change, Field, refresh_sums, rewrite, rewrite_flow};
