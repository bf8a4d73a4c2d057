//! The ring buffer of events.
//!
//! A kernel that wakes the reader for each event costs more than the event. So while events flow,
//! the reader looks every few milliseconds by itself; only when a look finds nothing does it wait
//! for the kernel, which wakes it once, when it adds to an empty buffer.

use std::{error::Error, io, time::Duration};

use aya::maps::{Map, MapData, RingBuf};
use skep_bpf::abi::{self, maps};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Handle,
    time::{Instant, sleep_until},
};

use super::{Datapath, datapath::MAPS};
use crate::events::{Event, Malformed};

/// How long the reader lets events gather while they flow.
const PAUSE: Duration = Duration::from_millis(5);
/// Events that one call returns at most.
const BATCH: usize = 8192;

/// The events of the datapath, in order.
pub struct EventReader {
    ring: AsyncFd<RingBuf<MapData>>,
    /// Set while events flow: when to look next.
    next_look: Option<Instant>,
    malformed: u64,
}

/// The ring buffer could not be opened or waited for.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the event buffer")]
pub struct ReadError(#[source] pub Box<dyn Error + Send + Sync>);

impl EventReader {
    /// Opens the ring buffer; to be called inside a tokio runtime. Only one reader may exist at a
    /// time.
    ///
    /// # Errors
    /// When the map is missing or cannot be mapped, or there is no runtime.
    pub fn open(datapath: &Datapath) -> Result<Self, ReadError> {
        let _runtime = Handle::try_current().map_err(|error| ReadError(Box::new(error)))?;
        let pin = datapath.bpf_dir().join(MAPS).join(maps::EVENTS);
        let ring = MapData::from_pin(pin)
            .and_then(Map::from_map_data)
            .and_then(RingBuf::try_from)
            .map_err(|error| ReadError(Box::new(error)))?;
        // SAFETY: the ring buffer owns the descriptor of its map, returns the same one every time,
        // and keeps it open until it is dropped, which `AsyncFd` does after deregistering.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
            .map_err(|error| failed(error.into()))?;
        Ok(Self { ring, next_look: Some(Instant::now()), malformed: 0 })
    }

    /// Appends what happened since the last call, at least one event. Cancel safe.
    ///
    /// # Errors
    /// When the descriptor cannot be polled.
    pub async fn next_batch(&mut self, batch: &mut Vec<Event>) -> Result<(), ReadError> {
        loop {
            match self.next_look {
                Some(time) => sleep_until(time).await,
                None => self.ring.readable_mut().await.map_err(failed)?.clear_ready(),
            }
            match self.drain(batch) {
                0 => self.next_look = None,
                // A full batch means that more is waiting.
                count => {
                    let pause = if count < BATCH { PAUSE } else { Duration::ZERO };
                    self.next_look = Some(Instant::now() + pause);
                    return Ok(());
                }
            }
        }
    }

    /// Returns how many records could not be decoded so far.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Decodes what is there, up to a batch; returns how many events were appended.
    fn drain(&mut self, batch: &mut Vec<Event>) -> usize {
        let ring = self.ring.get_mut();
        let mut count = 0;
        while count < BATCH {
            let Some(item) = ring.next() else { break };
            match decode(&item) {
                Ok(event) => {
                    batch.push(event);
                    count += 1;
                }
                Err(malformed) => {
                    self.malformed += 1;
                    tracing::debug!(%malformed, "refused a record");
                }
            }
        }
        count
    }
}

impl std::fmt::Debug for EventReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReader").field("malformed", &self.malformed).finish_non_exhaustive()
    }
}

fn decode(bytes: &[u8]) -> Result<Event, Malformed> {
    if bytes.len() != size_of::<abi::Event>() {
        return Err(Malformed::Size(bytes.len()));
    }
    // SAFETY: the slice has exactly the size of the record, which is plain old data (`aya::Pod`);
    // an unaligned read asks for no alignment.
    let record = unsafe { bytes.as_ptr().cast::<abi::Event>().read_unaligned() };
    Event::decode(&record)
}

fn failed(error: io::Error) -> ReadError {
    ReadError(Box::new(error))
}
