//! Events that a reader did not get, told about once a second.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::hubble::flow::{LostEvent, LostEventSource};

/// How often a reader is told at most.
const PAUSE: Duration = Duration::from_secs(1);

/// Losses of one source that a reader was not told of yet.
#[derive(Clone, Copy, Debug)]
struct Untold {
    source: LostEventSource,
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

/// What one reader has lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    untold: Vec<Untold>,
    told: Option<Instant>,
}

impl Losses {
    pub(super) fn add(&mut self, source: LostEventSource, count: u64) {
        if count == 0 {
            return;
        }
        let now = Timestamp::now();
        match self.untold.iter_mut().find(|untold| untold.source == source) {
            Some(untold) => {
                untold.count += count;
                untold.last = now;
            }
            None => self.untold.push(Untold { source, count, first: now, last: now }),
        }
    }

    /// Returns when there is something to tell, if there is.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let due = self.told.map_or(now, |told| told + PAUSE);
        (!self.untold.is_empty()).then_some(due)
    }

    /// Takes what is to be told now.
    pub(super) fn take(&mut self, now: Instant) -> Option<LostEvent> {
        if self.due_at(now)? > now {
            return None;
        }
        let lost = self.take_last()?;
        // The other source is told in the same breath.
        self.told = if self.untold.is_empty() { Some(now) } else { self.told };
        Some(lost)
    }

    /// Takes what is to be told before the end, whenever the last time was.
    pub(super) fn take_last(&mut self) -> Option<LostEvent> {
        let Untold { source, count, first, last } = self.untold.pop()?;
        Some(LostEvent {
            source: source.into(),
            num_events_lost: count,
            cpu: None,
            first: Some(first.into()),
            last: Some(last.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Losses, LostEventSource, PAUSE};

    #[test]
    fn losses_are_told_at_once_and_then_together() {
        let now = std::time::Instant::now();
        let mut losses = Losses::default();
        assert!(losses.take(now).is_none());
        losses.add(LostEventSource::HubbleRingBuffer, 3);
        assert_eq!(losses.take(now).expect("at once").num_events_lost, 3);
        losses.add(LostEventSource::HubbleRingBuffer, 4);
        losses.add(LostEventSource::HubbleRingBuffer, 5);
        losses.add(LostEventSource::PerfEventRingBuffer, 1);
        assert!(losses.take(now + PAUSE / 2).is_none(), "not so often");
        let later = now + PAUSE;
        let told = [losses.take(later), losses.take(later)].map(|lost| lost.unwrap());
        assert_eq!(told.map(|lost| lost.num_events_lost), [1, 9]);
        assert!(losses.take(later).is_none());
    }
}
