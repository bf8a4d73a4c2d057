//! What is said about containers, and to them.

use std::time::Duration;

use jiff::Timestamp;

/// How a container does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Not running.
    Waiting {
        reason: &'static str,
        /// More about it, if there is more.
        message: String,
    },
    /// Running since.
    Running(Timestamp),
    /// Ended.
    Ended(End),
}

impl State {
    /// Returns a state of waiting whose reason says everything.
    pub(super) const fn waiting(reason: &'static str) -> Self {
        Self::Waiting { reason, message: String::new() }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

/// Everything status says about a container.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) state: State,
    pub(super) last: Option<End>,
    pub(super) restarts: u32,
    pub(super) ready: bool,
    pub(super) started: bool,
}

impl Default for Report {
    fn default() -> Self {
        let state = State::waiting("ContainerCreating");
        Self { state, last: None, restarts: 0, ready: false, started: false }
    }
}

/// When a container is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

impl Restart {
    /// Tells whether a container that ended with a code is started again.
    pub(super) const fn again(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

/// What a container's task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Run.
    Run,
    /// End within this time.
    Stop(Duration),
}
