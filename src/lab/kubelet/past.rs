//! What is known of a pod's containers when its kubelet begins: nothing of a new pod, what the
//! status says of one whose node was off, and of one that ran on while the lab's process was away
//! also what can be seen.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus};

use super::{
    process::{UNKNOWN, UNKNOWN_REASON},
    report::{End, Report, State},
};

/// What became of a pod's containers before.
#[derive(Clone, Copy)]
pub(super) enum Past<'a> {
    /// They do not run: the pod is new, or its node was off.
    Over,
    /// They ran on alone; tells by a container's name whether it still does.
    Alone(&'a dyn Fn(&str) -> bool),
}

impl Past<'_> {
    /// Returns how a container did before; none when it had not run.
    pub(super) fn report(self, name: &str, status: Option<&ContainerStatus>) -> Option<Report> {
        match self {
            Self::Over => status.and_then(again),
            Self::Alone(runs) if runs(name) => Some(running(status)),
            Self::Alone(_) => status.and_then(ended),
        }
    }

    /// Returns how an ephemeral container did, which does not outlive whoever looked on.
    pub(super) fn of_ephemeral(self, status: Option<&ContainerStatus>) -> Option<Report> {
        match self {
            // Started again, as all others.
            Self::Over => None,
            Self::Alone(_) => {
                let lost = || Report { state: State::Ended(lost(None)), ..Report::default() };
                Some(status.and_then(ended).unwrap_or_else(lost))
            }
        }
    }
}

/// A container that has run on.
fn running(status: Option<&ContainerStatus>) -> Report {
    let Some(status) = status else {
        return Report { state: State::Running(Timestamp::now()), ..Report::default() };
    };
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    Report {
        state: State::Running(since(status.state.as_ref()).unwrap_or_else(Timestamp::now)),
        last: last.map(end_of),
        restarts: count(status),
        ready: status.ready,
        started: status.started == Some(true),
    }
}

/// A container that does not run any more; none when it never did.
fn ended(status: &ContainerStatus) -> Option<Report> {
    let state = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let end = match (state.and_then(|state| state.terminated.as_ref()), since(state)) {
        (Some(end), _) => end_of(end),
        (None, Some(since)) => lost(Some(since)),
        // It rested between two runs.
        (None, None) => end_of(last?),
    };
    let last = last.map(end_of);
    Some(Report { state: State::Ended(end), last, restarts: count(status), ..Report::default() })
}

fn since(state: Option<&ContainerState>) -> Option<Timestamp> {
    Some(state?.running.as_ref()?.started_at.as_ref()?.0)
}

/// The end of a run that nobody saw.
fn lost(since: Option<Timestamp>) -> End {
    let now = Timestamp::now();
    End {
        code: UNKNOWN,
        reason: UNKNOWN_REASON,
        message: "The container ended while the lab's process was away".to_owned(),
        started: since.unwrap_or(now),
        finished: now,
    }
}

fn end_of(end: &ContainerStateTerminated) -> End {
    End {
        code: end.exit_code,
        reason: if end.exit_code == 0 { "Completed" } else { "Error" },
        message: end.message.clone().unwrap_or_default(),
        started: end.started_at.as_ref().map_or_else(Timestamp::now, |time| time.0),
        finished: end.finished_at.as_ref().map_or_else(Timestamp::now, |time| time.0),
    }
}

/// Returns a container's state at a new boot; none when it had not run.
fn again(status: &ContainerStatus) -> Option<Report> {
    let state = status.state.as_ref()?;
    let end = match (&state.terminated, since(Some(state))) {
        (Some(end), _) => End { message: String::new(), ..end_of(end) },
        (None, Some(since)) => End {
            code: 255,
            reason: "Unknown",
            message: String::new(),
            started: since,
            finished: Timestamp::now(),
        },
        (None, None) if status.restart_count == 0 => return None,
        (None, None) => return Some(Report { restarts: count(status), ..Report::default() }),
    };
    Some(Report { last: Some(end), restarts: count(status) + 1, ..Report::default() })
}

fn count(status: &ContainerStatus) -> u32 {
    u32::try_from(status.restart_count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    const SINCE: &str = "2026-01-01T00:00:00Z";

    fn status(state: Value, restarts: i32) -> ContainerStatus {
        from_value(json!({ "name": "c", "image": "", "imageID": "", "ready": true,
            "started": true, "restartCount": restarts, "state": state }))
        .unwrap()
    }

    #[test]
    fn a_container_that_ran_before_the_boot_counts_it_as_a_restart() {
        let report = |state, restarts| Past::Over.report("c", Some(&status(state, restarts)));
        let running = report(json!({ "running": { "startedAt": SINCE } }), 2).unwrap();
        assert_eq!((running.restarts, running.last.unwrap().code), (3, 255));
        assert_eq!(report(json!({ "waiting": { "reason": "x" } }), 0), None);
        assert_eq!(Past::Over.report("c", None), None);
    }

    #[test]
    fn a_container_that_ran_on_alone_is_taken_over_as_it_is() {
        let since: Timestamp = SINCE.parse().unwrap();
        let running = json!({ "running": { "startedAt": SINCE } });
        let runs = Past::Alone(&|name| name == "c");
        let report = runs.report("c", Some(&status(running.clone(), 2))).unwrap();
        assert_eq!(report.state, State::Running(since));
        assert_eq!((report.restarts, report.ready, report.started), (2, true, true));
        // Killed before the status was written.
        let report = runs.report("c", None).unwrap();
        assert!(matches!(report.state, State::Running(_)) && !report.ready);
        let gone = Past::Alone(&|_| false);
        let report = gone.report("c", Some(&status(running, 2))).unwrap();
        let State::Ended(end) = report.state else { panic!("{report:?}") };
        assert_eq!((end.code, end.started, report.restarts), (UNKNOWN, since, 2));
        let done =
            json!({ "terminated": { "exitCode": 0, "startedAt": SINCE, "finishedAt": SINCE } });
        let report = gone.report("c", Some(&status(done, 0))).unwrap();
        assert!(
            matches!(report.state, State::Ended(end) if end.code == 0 && end.finished == since)
        );
        assert_eq!(gone.report("c", Some(&status(json!({ "waiting": {} }), 0))), None);
    }
}
