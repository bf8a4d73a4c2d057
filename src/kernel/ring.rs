//! The ring buffer of events.

use super::Datapath;
use crate::events::Event;

/// The events of the datapath, in order.
#[derive(Debug)]
pub struct EventReader {}

/// The ring buffer could not be opened or waited for.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the event buffer")]
pub struct ReadError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl EventReader {
    /// Opens the ring buffer. Only one reader may exist at a time.
    ///
    /// # Errors
    /// When the map is missing or cannot be mapped.
    pub fn open(_datapath: &Datapath) -> Result<Self, ReadError> {
        todo!()
    }

    /// Appends what happened since the last call, at least one event. While events flow it looks
    /// every 5 ms; when there are none it sleeps until the kernel wakes it. Cancel safe.
    ///
    /// # Errors
    /// When the descriptor cannot be polled.
    pub async fn next_batch(&mut self, _batch: &mut Vec<Event>) -> Result<(), ReadError> {
        todo!()
    }

    /// Returns how many records could not be decoded so far.
    pub fn malformed(&self) -> u64 {
        todo!()
    }
}
