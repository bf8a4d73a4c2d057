//! Jobs: pods that run to their end.

mod indexes;
mod pods;
mod status;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::Pod,
};
use kube::ResourceExt;

use indexes::{index_of, parse_indexes};

use super::{
    owned::{count, is_active, phase},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about jobs.
const TELLER: &str = "job-controller";
/// Seconds until a failed pod is replaced; doubled with each failure. Shorter than on a real
/// cluster, where it is ten.
const FIRST_PAUSE: i64 = 1;
/// The longest such pause.
const LONGEST_PAUSE: i64 = 60;

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let jobs = snapshot.jobs.iter().filter(|job| !is_ending(job.as_ref()));
    jobs.flat_map(|job| {
        if let Some(end) = end_of(job) {
            return expired(job, end, snapshot.now).into_iter().collect();
        }
        let owned = pods.get(&job.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        job.spec
            .as_ref()
            .map_or_else(Vec::new, |spec| View { job, spec, owned, now: snapshot.now }.plan())
    })
    .collect()
}

/// Returns when a job ended, if it has.
pub(super) fn end_of(job: &Job) -> Option<Timestamp> {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    let end = conditions
        .find(|one| matches!(one.type_.as_str(), "Complete" | "Failed") && one.status == "True")?;
    Some(end.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0))
}

/// Tells whether a job has ended well.
pub(super) fn is_complete(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions.unwrap_or_default().iter().any(|one| one.type_ == "Complete" && one.status == "True")
}

/// Deletes a job that is to go some time after its end.
fn expired(job: &Job, end: Timestamp, now: Timestamp) -> Option<Action> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let over = end.checked_add(SignedDuration::from_secs(seconds.into())).ok()?;
    (now >= over).then(|| Action::delete(job))
}

/// A job and its pods.
struct View<'a> {
    job: &'a Job,
    spec: &'a JobSpec,
    owned: &'a [Arc<Pod>],
    now: Timestamp,
}

/// How a job ended.
struct End {
    kind: &'static str,
    reason: &'static str,
    message: &'static str,
}

impl View<'_> {
    fn plan(&self) -> Vec<Action> {
        let (succeeded, failed) = (self.succeeded(), self.failed());
        let active: Vec<&Pod> =
            self.owned.iter().map(Arc::as_ref).filter(|pod| is_active(pod)).collect();
        let end = self.end(succeeded, failed, active.is_empty());
        let suspended = self.spec.suspend == Some(true);
        let mut actions = Vec::new();
        if end.is_some() || suspended {
            let delete = |pod: &&Pod| Action::delete(*pod).told_to(self.job, TELLER);
            actions.extend(active.iter().map(delete));
        } else {
            actions.extend(self.fill(&active, succeeded, failed));
        }
        actions.extend(self.status(&active, succeeded, failed, end));
        actions
    }

    fn is_indexed(&self) -> bool {
        self.spec.completion_mode.as_deref() == Some("Indexed")
    }

    /// Returns the indexes that are done.
    fn done(&self) -> BTreeSet<i32> {
        let before =
            self.job.status.as_ref().and_then(|status| status.completed_indexes.as_deref());
        let mut done = parse_indexes(before.unwrap_or_default());
        let ended = self.owned.iter().filter(|pod| phase(pod) == "Succeeded");
        done.extend(ended.filter_map(|pod| index_of(pod)));
        done
    }

    fn succeeded(&self) -> i32 {
        if self.is_indexed() {
            return i32::try_from(self.done().len()).unwrap_or(i32::MAX);
        }
        // Pods that somebody deleted afterwards count as well.
        let before = self.job.status.as_ref().and_then(|status| status.succeeded).unwrap_or(0);
        count(self.owned, |pod| phase(pod) == "Succeeded").max(before)
    }

    fn failed(&self) -> i32 {
        let before = self.job.status.as_ref().and_then(|status| status.failed).unwrap_or(0);
        count(self.owned, |pod| phase(pod) == "Failed").max(before)
    }

    fn end(&self, succeeded: i32, failed: i32, idle: bool) -> Option<End> {
        let complete = match self.spec.completions {
            Some(completions) => succeeded >= completions,
            // A queue of work: one pod that found it empty means that all is done.
            None => succeeded > 0 && idle,
        };
        let started = self.job.status.as_ref().and_then(|status| status.start_time.as_ref());
        let late = started.zip(self.spec.active_deadline_seconds).is_some_and(|(start, limit)| {
            self.now.duration_since(start.0) >= SignedDuration::from_secs(limit)
        });
        if complete {
            let reason = "CompletionsReached";
            let message = "Reached expected number of succeeded pods";
            return Some(End { kind: "Complete", reason, message });
        }
        if failed > self.spec.backoff_limit.unwrap_or(6) {
            let reason = "BackoffLimitExceeded";
            let message = "Job has reached the specified backoff limit";
            return Some(End { kind: "Failed", reason, message });
        }
        late.then_some(End {
            kind: "Failed",
            reason: "DeadlineExceeded",
            message: "Job was active longer than specified deadline",
        })
    }

    fn fill(&self, active: &[&Pod], succeeded: i32, failed: i32) -> Vec<Action> {
        let running = i32::try_from(active.len()).unwrap_or(i32::MAX);
        let parallelism = self.spec.parallelism.unwrap_or(1);
        let wanted = match self.spec.completions {
            Some(completions) => parallelism.min(completions - succeeded),
            None if succeeded > 0 => running,
            None => parallelism,
        };
        if running > wanted {
            let surplus = usize::try_from(running - wanted).unwrap_or(0);
            let delete = |pod: &&Pod| Action::delete(*pod).told_to(self.job, TELLER);
            return active.iter().take(surplus).map(delete).collect();
        }
        if running == wanted || self.rests(failed) {
            return vec![];
        }
        let number = usize::try_from(wanted - running).unwrap_or(0);
        let make = |pod: Pod| Action::create(&pod).told_to(self.job, TELLER);
        if !self.is_indexed() {
            return (0..number).map(|_| make(self.pod())).collect();
        }
        let mut taken = self.done();
        taken.extend(active.iter().filter_map(|pod| index_of(pod)));
        let free = (0..self.spec.completions.unwrap_or(0)).filter(|index| !taken.contains(index));
        free.take(number).map(|index| make(self.indexed(index))).collect()
    }

    /// Tells whether the last failure is too recent to try again.
    fn rests(&self, failed: i32) -> bool {
        let ends = self.owned.iter().filter(|pod| phase(pod) == "Failed").filter_map(|pod| {
            let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
            let ends = statuses.iter().filter_map(|one| {
                one.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref().map(|time| time.0)
            });
            ends.max()
        });
        let doublings = u32::try_from(failed.saturating_sub(1)).unwrap_or(0).min(6);
        let pause = SignedDuration::from_secs((FIRST_PAUSE << doublings).min(LONGEST_PAUSE));
        ends.max().is_some_and(|last| self.now.duration_since(last) < pause)
    }
}
