//! Flows on disk, for readers that ask for more than the ring has.
//!
//! A record waits ([`waiting`]) from when it is pushed until it stands in a block on disk, so at any time it is in
//! the ring, waits, or is on disk, and a reader who looks at them in this order misses none. The [`writer`] makes
//! blocks ([`block`]) of what waits and adds them to segments ([`segment`]); the [`shelf`] knows what is in them and
//! keeps them within a budget, forwards and drops apart as in the ring; of those that have to go a [`summary`] is
//! left. A reader ([`past`]) walks over blocks by their
//! times and opens only those it needs.
//!
//! Nothing is synced: after a power cut the last blocks may be broken, which is found and skipped, and a node that
//! goes down has worse to tell than that.

mod block;
mod keep;
mod lane;
mod past;
mod segment;
mod shelf;
mod summary;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

pub use keep::{History, HistorySettings, HistoryStats};
pub(super) use lane::Lane;
pub(super) use past::{Cut, Past, Wanted};
