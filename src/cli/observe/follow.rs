//! A stream that goes on when whoever sends it was away.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::{
    place::{Flows, Place},
    resume::Resume,
};
use crate::{
    cli::{
        error::{Error, Kind},
        output::age,
    },
    flows::Request,
    hubble::observer::GetFlowsResponse,
};

/// The first pause before asking again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// A stream that has not ended after so long is one: a command in a pod starts even if it finds no agent there.
const PROOF: Duration = Duration::from_secs(2);

/// Says what is wrong while flows go on; the text may have come from others.
pub(super) type Tell<'a> = &'a dyn Fn(&str);

/// A question, and for how long it is asked again when the answer breaks off.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    /// Zero means not at all.
    pub(super) retry_for: Duration,
}

impl Question {
    /// Asks once.
    pub(super) const fn once(request: Request) -> Self {
        Self { request, retry_for: Duration::ZERO }
    }
}

/// The stream ended though it was to go on.
#[derive(Debug, thiserror::Error)]
#[error("{0} ended the stream")]
struct Ended(String);

/// One stream.
pub(super) struct Follower<'a> {
    place: Place<'a>,
    question: Question,
    flows: Flows,
    /// What has come as a proof that the stream is one.
    ready: Option<GetFlowsResponse>,
    resume: Resume,
    tell: Tell<'a>,
}

impl<'a> Follower<'a> {
    /// Takes a stream that has begun.
    pub(super) fn new(place: Place<'a>, question: Question, flows: Flows, tell: Tell<'a>) -> Self {
        Self { place, question, flows, ready: None, resume: Resume::default(), tell }
    }

    /// Returns the next message; `None` at the end of what was asked for.
    ///
    /// # Errors
    /// When the stream ends though it was to go on, and cannot be taken up again in time.
    pub(super) async fn next(&mut self) -> Result<Option<GetFlowsResponse>, Error> {
        loop {
            let next = match self.ready.take() {
                Some(ready) => Ok(Some(ready)),
                None => self.flows.next().await,
            };
            let why = match next {
                Ok(Some(message)) if self.resume.is_new(&message) => return Ok(Some(message)),
                Ok(Some(_)) => continue,
                Ok(None) if !self.goes_on() => return Ok(None),
                Ok(None) => self.ended(),
                Err(error) => error,
            };
            if !self.goes_on() || self.question.retry_for.is_zero() {
                return Err(why.hint("run the command again"));
            }
            self.reopen(why).await?;
        }
    }

    fn goes_on(&self) -> bool {
        let Request { follow, until, .. } = self.question.request;
        follow && until.is_none_or(|until| Timestamp::now() < until)
    }

    fn ended(&self) -> Error {
        Error::new(Kind::Environment, Ended(self.place.name()))
    }

    /// Asks again, and waits for a proof that there is an answer.
    async fn open(&mut self, request: &Request) -> Result<(), Error> {
        let mut flows = self.place.open(request).await?;
        self.ready = match timeout(PROOF, flows.next()).await {
            Ok(Ok(None)) if self.goes_on() => return Err(self.ended()),
            Ok(message) => message?,
            Err(_) => None,
        };
        self.flows = flows;
        Ok(())
    }

    /// Asks again and again, and says what was missed.
    async fn reopen(&mut self, why: Error) -> Result<(), Error> {
        let (gone, retry_for) = (Timestamp::now(), self.question.retry_for);
        let why = why.chain().join(": ");
        (self.tell)(&format!("{why}; asking again for {}", age(retry_for)));
        let request = self.resume.question(&self.question.request, gone);
        let deadline = Instant::now() + retry_for;
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            match self.open(&request).await {
                Ok(()) => break,
                Err(error) if error.kind() == Kind::Environment && Instant::now() < deadline => {
                    pause = (pause * 2).min(LAST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        let (name, back) = (self.place.name(), Timestamp::now());
        (self.tell)(&format!(
            "{name} answers again; flows from {gone:.3} to {back:.3} that it has not stored are missing"
        ));
        Ok(())
    }
}
