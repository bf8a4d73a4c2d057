//! What happened to the agent itself: the last events, and new ones for followers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::sync::broadcast;

use super::question::Span;
use crate::{
    flows::Window,
    hubble::flow::{AgentEvent, AgentEventType, TimeNotification, agent_event::Notification},
};

/// Events kept of addresses, and as many of everything else.
const KEPT: usize = 1024;
/// Events that a follower may be behind.
const BEHIND: usize = KEPT;

/// An event with its time.
pub(super) type Dated = (Timestamp, Arc<AgentEvent>);

/// The last events of the agent.
#[derive(Debug)]
pub struct AgentEvents {
    stored: Mutex<Stored>,
    followers: broadcast::Sender<Dated>,
}

/// Addresses change hands with every pod of the cluster; what is rare must not be pushed out by that.
#[derive(Debug, Default)]
struct Stored {
    addresses: VecDeque<Dated>,
    others: VecDeque<Dated>,
}

impl Stored {
    fn push(&mut self, event: Dated) {
        let kept = match event.1.r#type() {
            AgentEventType::IpcacheUpserted | AgentEventType::IpcacheDeleted => &mut self.addresses,
            _ => &mut self.others,
        };
        kept.push_back(event);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// Returns the events that fit, oldest first.
    fn select(&self, fits: impl Fn(&Timestamp) -> bool) -> VecDeque<Dated> {
        let all = self.others.iter().chain(&self.addresses);
        let mut events: Vec<Dated> = all.filter(|(at, _)| fits(at)).cloned().collect();
        events.sort_by_key(|(at, _)| *at);
        events.into()
    }
}

impl AgentEvents {
    /// Begins with the start of the agent.
    pub fn started(at: Timestamp) -> Self {
        let events = Self { stored: Mutex::default(), followers: broadcast::Sender::new(BEHIND) };
        let start = Notification::AgentStart(TimeNotification { time: Some(at.into()) });
        events.push(
            at,
            AgentEvent { r#type: AgentEventType::AgentStarted.into(), notification: Some(start) },
        );
        events
    }

    /// Adds an event.
    pub fn push(&self, at: Timestamp, event: AgentEvent) {
        let event = (at, Arc::new(event));
        let mut stored = self.stored.lock().expect("no panic while holding the lock");
        stored.push(event.clone());
        // An error means that nobody follows.
        let _ = self.followers.send(event);
    }

    /// Returns the stored events of a span, oldest first, and what comes after them.
    pub(super) fn read(&self, span: &Span) -> (VecDeque<Dated>, broadcast::Receiver<Dated>) {
        let stored = self.stored.lock().expect("no panic while holding the lock");
        let follower = self.followers.subscribe();
        let inside = |at: &Timestamp| {
            span.since.is_none_or(|since| *at >= since)
                && span.until.is_none_or(|until| *at <= until)
        };
        let mut events = stored.select(inside);
        match span.window {
            Some(Window::First(count)) => events.truncate(count),
            Some(Window::Last(count)) => drop(events.drain(..events.len().saturating_sub(count))),
            None => {}
        }
        (events, follower)
    }

    /// Returns all events that are kept, oldest first.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> Vec<Arc<AgentEvent>> {
        let stored = self.stored.lock().expect("no panic while holding the lock");
        stored.select(|_| true).into_iter().map(|(_, event)| event).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{AgentEvents, KEPT};
    use crate::hubble::flow::{AgentEvent, AgentEventType};

    #[test]
    fn addresses_that_change_hands_push_nothing_else_out() {
        let events = AgentEvents::started(Timestamp::UNIX_EPOCH);
        for _ in 0..KEPT + 5 {
            let kind = AgentEventType::IpcacheUpserted.into();
            events.push(Timestamp::now(), AgentEvent { r#type: kind, notification: None });
        }
        let kept = events.kept();
        assert_eq!(kept.len(), KEPT + 1);
        assert_eq!(kept[0].r#type(), AgentEventType::AgentStarted);
    }
}
