//! Jobs: pods that run to their end.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    owned::{count, is_active, is_ready, phase, pod_of, random_name, time, with_label},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

/// Who tells about jobs.
const TELLER: &str = "job-controller";
/// Label and annotation with a pod's index.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
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

    fn pod(&self) -> Pod {
        let name = self.job.name_any();
        let mut pod = pod_of(self.job, &self.spec.template, random_name(&name));
        let uid = self.job.uid().unwrap_or_default();
        let mut labels = pod.metadata.labels.take();
        for (key, value) in [("job-name", &name), ("controller-uid", &uid)] {
            labels = with_label(labels, key, value);
            labels = with_label(labels, &format!("batch.kubernetes.io/{key}"), value);
        }
        pod.metadata.labels = labels;
        pod
    }

    fn indexed(&self, index: i32) -> Pod {
        let name = format!("{}-{index}", self.job.name_any());
        let mut pod = self.pod();
        pod.metadata.name = Some(random_name(&name));
        pod.metadata.labels = with_label(pod.metadata.labels.take(), INDEX, &index.to_string());
        let annotations = pod.metadata.annotations.take();
        pod.metadata.annotations = with_label(annotations, INDEX, &index.to_string());
        if let Some(spec) = &mut pod.spec {
            spec.hostname = Some(name);
            let path = format!("metadata.annotations['{INDEX}']");
            let variable = EnvVar {
                name: "JOB_COMPLETION_INDEX".to_owned(),
                value_from: Some(EnvVarSource {
                    field_ref: Some(ObjectFieldSelector { api_version: None, field_path: path }),
                    ..EnvVarSource::default()
                }),
                ..EnvVar::default()
            };
            for container in
                spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten())
            {
                container.env.get_or_insert_default().push(variable.clone());
            }
        }
        pod
    }

    fn status(
        &self,
        active: &[&Pod],
        succeeded: i32,
        failed: i32,
        end: Option<End>,
    ) -> Option<Action> {
        let before = serde_json::to_value(&self.job.status).unwrap_or_default();
        let now = time(self.now);
        let suspended = self.spec.suspend == Some(true);
        let over = end.is_some() || suspended;
        let running = if over { 0 } else { count(active, |_| true) };
        let mut status = json!({
            "active": running, "succeeded": succeeded, "failed": failed,
            "ready": if over { 0 } else { count(active, |pod| is_ready(pod)) },
        });
        if self.is_indexed() {
            status["completedIndexes"] = json!(show_indexes(&self.done()));
        }
        if suspended {
            status["startTime"] = Value::Null;
        } else if before["startTime"].is_null() {
            status["startTime"] = json!(now);
        }
        let condition = |kind: &str, reason: &str, message: &str, holds: bool| {
            json!({ "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason,
                "message": message, "lastProbeTime": now, "lastTransitionTime": now })
        };
        let was_suspended = before["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Suspended" && one["status"] == "True");
        if let Some(End { kind, reason, message }) = end {
            let first = if kind == "Complete" { "SuccessCriteriaMet" } else { "FailureTarget" };
            status["conditions"] = json!([
                condition(first, reason, message, true),
                condition(kind, reason, message, true),
            ]);
            if kind == "Complete" {
                status["completionTime"] = json!(now);
            }
        } else if suspended != was_suspended {
            let (reason, message) = if suspended {
                ("JobSuspended", "Job suspended")
            } else {
                ("JobResumed", "Job resumed")
            };
            status["conditions"] = json!([condition("Suspended", reason, message, suspended)]);
        }
        let same = status.as_object()?.iter().all(|(name, is)| {
            // A count of nothing is not written.
            before[name] == *is || before[name].is_null() && (*is == 0 || *is == "")
        });
        (!same).then(|| Action::status(self.job, &status))
    }
}

fn index_of(pod: &Pod) -> Option<i32> {
    pod.annotations().get(INDEX)?.parse().ok()
}

/// Writes indexes as `1,3-5`.
fn show_indexes(indexes: &BTreeSet<i32>) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => ranges.push((*index, *index)),
        }
    }
    let show = |(first, last): (i32, i32)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    ranges.into_iter().map(show).collect::<Vec<_>>().join(",")
}

fn parse_indexes(text: &str) -> BTreeSet<i32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<i32>().ok()?..=last.parse::<i32>().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;
    use crate::lab::cluster::Write;

    fn job(spec: Value) -> Job {
        let mut value = json!({
            "metadata": { "name": "j", "namespace": "x", "uid": "j" },
            "spec": { "parallelism": 1, "completions": 1,
                "template": { "spec": { "containers": [{ "name": "c" }] } } },
        });
        json_patch::merge(&mut value["spec"], &spec);
        from_value(value).unwrap()
    }

    fn pod(phase: &str, index: Option<i32>) -> Arc<Pod> {
        let annotations = index.map(|index| json!({ INDEX: index.to_string() }));
        let name = format!("{phase}-{index:?}").to_lowercase();
        let value = json!({ "metadata": { "name": name, "annotations": annotations }, "status": { "phase": phase } });
        Arc::new(from_value(value).unwrap())
    }

    /// Returns pods made, pods deleted, and the condition that ends the job.
    fn plan(job: &Job, owned: &[Arc<Pod>]) -> (usize, usize, Option<String>) {
        let spec = job.spec.as_ref().unwrap();
        let actions = View { job, spec, owned, now: Timestamp::now() }.plan();
        let of = |which: fn(&Write) -> bool| actions.iter().filter(|one| which(&one.write)).count();
        let end = actions.iter().find_map(|action| match &action.write {
            Write::Status(patch) => {
                Some(patch["status"]["conditions"][1]["type"].as_str()?.to_owned())
            }
            _ => None,
        });
        (
            of(|one| matches!(one, Write::Create(_))),
            of(|one| matches!(one, Write::Delete { .. })),
            end,
        )
    }

    #[test]
    fn as_many_pods_run_as_are_needed() {
        let end = |kind: &str| Some(kind.to_owned());
        for (spec, owned, expected) in [
            (json!({}), vec![], (1, 0, None)),
            (
                json!({ "completions": 5, "parallelism": 3 }),
                vec![pod("Running", None)],
                (2, 0, None),
            ),
            (
                json!({ "completions": 2, "parallelism": 3 }),
                vec![pod("Succeeded", None)],
                (1, 0, None),
            ),
            (
                json!({}),
                vec![pod("Succeeded", None), pod("Running", None)],
                (0, 1, end("Complete")),
            ),
            (json!({ "backoffLimit": 1 }), vec![pod("Failed", None)], (1, 0, None)),
            (json!({ "backoffLimit": 0 }), vec![pod("Failed", None)], (0, 0, end("Failed"))),
            (
                json!({ "suspend": true }),
                vec![pod("Running", None)],
                (0, 1, Some("x".into()).filter(|_: &String| false)),
            ),
            (
                json!({ "completions": null, "parallelism": 2 }),
                vec![pod("Succeeded", None), pod("Running", None)],
                (0, 0, None),
            ),
            (
                json!({ "completions": null, "parallelism": 2 }),
                vec![pod("Succeeded", None)],
                (0, 0, end("Complete")),
            ),
        ] {
            assert_eq!(plan(&job(spec.clone()), &owned), expected, "{spec}");
        }
    }

    #[test]
    fn indexes_are_done_once_each() {
        let job = job(json!({ "completions": 3, "parallelism": 3, "completionMode": "Indexed" }));
        let owned = [pod("Succeeded", Some(1)), pod("Running", Some(0))];
        let spec = job.spec.as_ref().unwrap();
        let actions = View { job: &job, spec, owned: &owned, now: Timestamp::now() }.plan();
        let made: Vec<_> =
            actions.iter().filter(|one| matches!(one.write, Write::Create(_))).collect();
        assert_eq!(made.len(), 1);
        assert!(made[0].name().starts_with("j-2-"), "{}", made[0].name());
        for text in ["", "0", "0-2,5", "1,3-4"] {
            assert_eq!(show_indexes(&parse_indexes(text)), text);
        }
    }
}
