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

/// Events kept; they are rare.
const KEPT: usize = 1024;
/// Events that a follower may be behind.
const BEHIND: usize = 256;

/// An event with its time.
pub(super) type Dated = (Timestamp, Arc<AgentEvent>);

/// The last events of the agent.
#[derive(Debug)]
pub struct AgentEvents {
    stored: Mutex<VecDeque<Dated>>,
    followers: broadcast::Sender<Dated>,
}

impl AgentEvents {
    /// Begins with the start of the agent.
    pub fn started(at: Timestamp) -> Self {
        let events =
            Self { stored: Mutex::new(VecDeque::new()), followers: broadcast::Sender::new(BEHIND) };
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
        stored.push_back(event.clone());
        if stored.len() > KEPT {
            stored.pop_front();
        }
        // An error means that nobody follows.
        let _ = self.followers.send(event);
    }

    /// Returns the stored events of a span, oldest first, and what comes after them.
    pub(super) fn read(&self, span: &Span) -> (VecDeque<Dated>, broadcast::Receiver<Dated>) {
        let stored = self.stored.lock().expect("no panic while holding the lock");
        let follower = self.followers.subscribe();
        let inside = |(at, _): &&Dated| {
            span.since.is_none_or(|since| *at >= since)
                && span.until.is_none_or(|until| *at <= until)
        };
        let mut events: VecDeque<Dated> = stored.iter().filter(inside).cloned().collect();
        match span.window {
            Some(Window::First(count)) => events.truncate(count),
            Some(Window::Last(count)) => drop(events.drain(..events.len().saturating_sub(count))),
            None => {}
        }
        (events, follower)
    }
}
