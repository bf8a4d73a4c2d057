//! What services share: numbers, and who claims or uses which address.

mod claims;
mod holders;
mod ids;

pub(super) use claims::{Claim, Claims, Rank};
pub(super) use holders::Holders;
pub(super) use ids::Ids;

/// Where a service is kept in the store.
pub(super) type Slot = u32;
