//! What of a stream has been shown, so that it can go on with another connection. Pure.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::{flows::Request, hubble::observer::GetFlowsResponse};

/// Flows of one node are in order but for the clocks of its CPUs; those of a relay nearly so.
const OVERLAP: SignedDuration = SignedDuration::from_secs(1);

/// Flows that are remembered; more in one overlap are rare, and shown twice at worst.
const REMEMBERED: usize = 4096;

/// The end of what has been shown.
#[derive(Debug, Default)]
pub(super) struct Resume {
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    shown: VecDeque<String>,
    /// Up to when flows come twice.
    again: Option<Timestamp>,
}

impl Resume {
    /// Takes a message in; tells whether it is new.
    pub(super) fn is_new(&mut self, message: &GetFlowsResponse) -> bool {
        let Some(flow) = message.flow() else { return true };
        let time = flow.moment();
        // Flows without an id, as of old servers, are told apart by time only.
        let is_known = || flow.uuid.is_empty() || self.shown.contains(&flow.uuid);
        if self.again.is_some_and(|again| time <= again) && is_known() {
            return false;
        }
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
        if self.shown.len() == REMEMBERED {
            self.shown.pop_front();
        }
        self.shown.push_back(flow.uuid.clone());
        true
    }

    /// Returns the question that goes on, for a stream that ended at `gone`.
    pub(super) fn question(&mut self, first: &Request, gone: Timestamp) -> Request {
        self.again = self.newest;
        let overlap = |time: Timestamp| time.checked_sub(OVERLAP).unwrap_or(time);
        // What --last left out at the beginning stays out.
        let since = match (self.newest, self.oldest) {
            (Some(newest), Some(oldest)) => overlap(newest).max(oldest),
            _ => overlap(gone),
        };
        let since = Some(first.since.map_or(since, |first| first.max(since)));
        Request { window: None, since, ..first.clone() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Resume;
    use crate::{
        flows::{Request, Window},
        hubble::{
            flow::Flow,
            observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
        },
    };

    fn message(uuid: &str, time: &str) -> GetFlowsResponse {
        let time = Some(at(time).into());
        let flow = Flow { uuid: uuid.into(), time, ..Flow::default() };
        let response_types = Some(ResponseTypes::Flow(flow));
        GetFlowsResponse { response_types, ..GetFlowsResponse::default() }
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-11-24T12:00:{time}Z").parse().unwrap()
    }

    #[test]
    fn what_was_shown_is_not_shown_again() {
        let first = Request { window: Some(Window::Last(2)), follow: true, ..Request::default() };
        let mut resume = Resume::default();
        assert_eq!(resume.question(&first, at("30")).since, Some(at("29")), "nothing was shown");
        let mut resume = Resume::default();
        for (uuid, time) in [("a", "10"), ("b", "15"), ("c", "14.9")] {
            assert!(resume.is_new(&message(uuid, time)), "{uuid}");
        }
        let again = resume.question(&first, at("30"));
        assert_eq!((again.since, again.window, again.follow), (Some(at("14")), None, true));
        for (uuid, time, new) in [
            ("c", "14.9", false),
            ("late", "14.95", true),
            ("b", "15", false),
            ("d", "20", true),
            ("", "14.5", false),
            ("", "21", true),
        ] {
            assert_eq!(resume.is_new(&message(uuid, time)), new, "{uuid} {time}");
        }
    }

    #[test]
    fn what_last_left_out_stays_out() {
        let mut resume = Resume::default();
        assert!(resume.is_new(&message("only", "10")));
        assert_eq!(resume.question(&Request::default(), at("30")).since, Some(at("10")));
    }
}
