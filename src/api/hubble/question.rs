//! What clients ask, checked.

use jiff::Timestamp;
use tonic::Status;

use super::mask::{InvalidMask, Mask};
use crate::{
    flows::{Matcher, Request, SubscribeError, Window},
    hubble::{self, flow::Flow, observer::GetFlowsRequest},
};

/// A question makes no sense.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidQuestion {
    /// A time that no calendar has.
    #[error("{field}: {seconds}.{nanos:09} is not a time")]
    Time {
        /// Which time.
        field: &'static str,
        /// As given.
        seconds: i64,
        /// As given.
        nanos: i32,
    },
    /// The oldest flows and then new ones would leave a gap.
    #[error("first and follow do not go together")]
    FirstAndFollow,
    /// A mask names nothing.
    #[error(transparent)]
    Mask(#[from] InvalidMask),
}

impl From<InvalidQuestion> for Status {
    fn from(error: InvalidQuestion) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

/// What is wrong with a filter is the client's to know; that there are too many readers passes.
pub(super) fn refused(error: &SubscribeError) -> Status {
    match error {
        SubscribeError::Filter(cause) => Status::invalid_argument(format!("{error}: {cause}")),
        SubscribeError::TooManyReaders { .. } => Status::resource_exhausted(error.to_string()),
    }
}

/// Checks a question as a node would.
///
/// # Errors
/// When it makes no sense.
pub fn check(asked: &GetFlowsRequest) -> Result<(), Status> {
    Question::of(asked).map(drop)
}

/// What a client wants to see, for who looks at flows itself.
#[derive(Clone, Debug)]
pub struct Question {
    matcher: Matcher,
    mask: Option<Mask>,
}

impl Question {
    /// Checks a question as a node would.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn of(asked: &GetFlowsRequest) -> Result<Self, Status> {
        let FlowQuestion { request, mask } = FlowQuestion::try_from(asked.clone())?;
        let matcher = Matcher::compile(&request).map_err(|error| refused(&error.into()))?;
        Ok(Self { matcher, mask })
    }

    /// Tells whether a flow is wanted.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.matcher.matches(flow)
    }

    /// Returns what is wanted of a flow.
    pub fn prune(&self, flow: Flow) -> Flow {
        match &self.mask {
            Some(mask) => mask.prune(&flow),
            None => flow,
        }
    }
}

/// A question about flows.
#[derive(Debug)]
pub(super) struct FlowQuestion {
    pub(super) request: Request,
    /// None sends flows whole.
    pub(super) mask: Option<Mask>,
}

impl TryFrom<GetFlowsRequest> for FlowQuestion {
    type Error = InvalidQuestion;

    fn try_from(asked: GetFlowsRequest) -> Result<Self, InvalidQuestion> {
        let span = Span::of(asked.number, (asked.first, asked.follow), asked.since, asked.until)?;
        let paths = asked.field_mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
        Ok(Self {
            request: Request {
                follow: asked.follow,
                window: span.window,
                since: span.since,
                until: span.until,
                allow: asked.whitelist,
                deny: asked.blacklist,
            },
            mask: paths.map(|paths| Mask::compile(&paths)).transpose()?,
        })
    }
}

/// Which part of a stream is asked for; all streams have these fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) window: Option<Window>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Span {
    /// No number means all that is stored, but only new ones to who follows without saying since when.
    pub(super) fn of(
        number: u64,
        (first, follow): (bool, bool),
        since: Option<hubble::Timestamp>,
        until: Option<hubble::Timestamp>,
    ) -> Result<Self, InvalidQuestion> {
        if first && follow {
            return Err(InvalidQuestion::FirstAndFollow);
        }
        let count = usize::try_from(number).unwrap_or(usize::MAX);
        let window = match (count, first) {
            (0, _) if follow && since.is_none() => Some(Window::Last(0)),
            (0, _) => None,
            (count, true) => Some(Window::First(count)),
            (count, false) => Some(Window::Last(count)),
        };
        Ok(Self { window, since: time("since", since)?, until: time("until", until)? })
    }
}

fn time(
    field: &'static str,
    time: Option<hubble::Timestamp>,
) -> Result<Option<Timestamp>, InvalidQuestion> {
    let Some(time @ hubble::Timestamp { seconds, nanos }) = time else { return Ok(None) };
    let is_time = (0..1_000_000_000).contains(&nanos);
    let parsed = Timestamp::try_from(time).ok().filter(|_| is_time);
    parsed.map(Some).ok_or(InvalidQuestion::Time { field, seconds, nanos })
}
