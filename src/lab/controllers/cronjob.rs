//! CronJobs: a job each time one is due.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use k8s_openapi::{
    api::batch::v1::{CronJob, Job},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    job::{end_of, is_complete},
    owned::{controller_of, owned_meta, time},
    schedule::Schedule,
    snapshot::{Snapshot, is_ending},
};
use crate::lab::cluster::{Action, Teller, Tone};

/// Who tells about jobs by the clock.
const TELLER: &str = "cronjob-controller";
/// Annotation with the moment for which a job was made.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let all = snapshot.cron_jobs.iter().filter(|one| !is_ending(one.as_ref()));
    all.flat_map(|cron| {
        let uid = cron.uid();
        let mine = |job: &&Arc<Job>| controller_of(job.as_ref()) == uid.as_deref();
        let mut owned: Vec<&Job> = snapshot.jobs.iter().filter(mine).map(Arc::as_ref).collect();
        owned.sort_by_key(|job| job.creation_timestamp().map(|time| time.0));
        plan_one(cron, &owned, snapshot.now)
    })
    .collect()
}

fn plan_one(cron: &CronJob, owned: &[&Job], now: Timestamp) -> Vec<Action> {
    let running = |job: &&&Job| end_of(job).is_none() && !is_ending(**job);
    let active: Vec<&Job> = owned.iter().filter(running).copied().collect();
    let mut actions = forget(cron, owned);
    let mut last = None;
    if cron.spec.suspend != Some(true)
        && let Some(due) = due(cron, now)
    {
        match cron.spec.concurrency_policy.as_deref() {
            Some("Forbid") if !active.is_empty() => {}
            policy => {
                if policy == Some("Replace") {
                    actions.extend(active.iter().map(|job| Action::delete(*job)));
                }
                last = Some(due);
                actions.push(Action::create(&job(cron, due)).told_to(cron, TELLER));
            }
        }
    }
    actions.extend(complain(cron));
    actions.extend(status(cron, owned, &active, last));
    actions
}

/// Returns the moment for which a job is to be made now.
fn due(cron: &CronJob, now: Timestamp) -> Option<Timestamp> {
    let schedule: Schedule = cron.spec.schedule.parse().ok()?;
    let zone = match cron.spec.time_zone.as_deref() {
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::UTC,
    };
    let created = cron.creation_timestamp().map_or(now, |time| time.0);
    let status = cron.status.as_ref();
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    let due = schedule.last_due(&zone, last.map_or(created, |time| time.0), now)?;
    let limit = cron.spec.starting_deadline_seconds.map(SignedDuration::from_secs);
    limit.is_none_or(|limit| now.duration_since(due) <= limit).then_some(due)
}

/// The name follows from the moment, so that no moment has two jobs.
fn job(cron: &CronJob, due: Timestamp) -> Job {
    let template = cron.spec.job_template.clone();
    let from = template.metadata.unwrap_or_default();
    let name = format!("{}-{}", cron.name_any(), due.as_second() / 60);
    let mut annotations = from.annotations.unwrap_or_default();
    annotations.insert(SCHEDULED.to_owned(), time(due));
    Job {
        metadata: ObjectMeta {
            labels: from.labels,
            annotations: Some(annotations),
            ..owned_meta(cron, name)
        },
        spec: template.spec,
        status: None,
    }
}

/// Deletes the oldest jobs beyond those that are to be kept.
fn forget(cron: &CronJob, owned: &[&Job]) -> Vec<Action> {
    let surplus = |well: bool, keep: Option<i32>, default: i32| {
        let keep = usize::try_from(keep.unwrap_or(default)).unwrap_or(0);
        let ended: Vec<&Job> = owned
            .iter()
            .copied()
            .filter(|job| end_of(job).is_some() && is_complete(job) == well && !is_ending(*job))
            .collect();
        let count = ended.len().saturating_sub(keep);
        ended.into_iter().take(count).map(Action::delete).collect::<Vec<_>>()
    };
    let mut actions = surplus(true, cron.spec.successful_jobs_history_limit, 3);
    actions.extend(surplus(false, cron.spec.failed_jobs_history_limit, 1));
    actions
}

/// Says once that a schedule cannot be read.
fn complain(cron: &CronJob) -> Option<Action> {
    let error = cron.spec.schedule.parse::<Schedule>().err()?;
    // Written with the status below, which tells that it has been looked at.
    cron.status.is_none().then(|| {
        let teller = Teller::controller(TELLER);
        Action::tell(cron, teller, Tone::Warning, "UnparseableSchedule", error.to_string())
    })
}

fn status(
    cron: &CronJob,
    owned: &[&Job],
    active: &[&Job],
    due: Option<Timestamp>,
) -> Option<Action> {
    let before = serde_json::to_value(&cron.status).unwrap_or_default();
    let reference = |job: &&Job| {
        json!({ "apiVersion": "batch/v1", "kind": "Job", "name": job.name_any(),
            "namespace": job.namespace(), "uid": job.uid() })
    };
    let active: Vec<Value> = active.iter().map(reference).collect();
    let completed = owned.iter().filter(|job| is_complete(job));
    let success = completed.filter_map(|job| end_of(job)).max();
    let mut status =
        json!({ "active": if active.is_empty() { Value::Null } else { json!(active) } });
    if let Some(due) = due {
        status["lastScheduleTime"] = json!(time(due));
    }
    if let Some(success) = success {
        status["lastSuccessfulTime"] = json!(time(success));
    }
    let same = status.as_object()?.iter().all(|(name, is)| before[name] == *is);
    (!same).then(|| Action::status(cron, &status))
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;
    use crate::lab::cluster::Write;

    fn cron(spec: Value) -> CronJob {
        let mut value = json!({
            "metadata": { "name": "c", "namespace": "x", "uid": "c", "creationTimestamp": "2026-01-01T00:00:30Z" },
            "spec": { "schedule": "*/5 * * * *", "jobTemplate": {} },
        });
        json_patch::merge(&mut value["spec"], &spec);
        from_value(value).unwrap()
    }

    fn owned_job(name: &str, end: Option<&str>) -> Job {
        let conditions = end.map(|kind| {
            json!([{ "type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z" }])
        });
        from_value(json!({ "metadata": { "name": name, "uid": name }, "status": { "conditions": conditions } }))
            .unwrap()
    }

    fn moves(cron: &CronJob, owned: &[Job], now: &str) -> Vec<String> {
        let owned: Vec<&Job> = owned.iter().collect();
        let name = |action: Action| match &action.write {
            Write::Create(_) => Some(format!("+{}", action.name())),
            Write::Delete { .. } => Some(format!("-{}", action.name())),
            _ => None,
        };
        plan_one(cron, &owned, now.parse().unwrap()).into_iter().filter_map(name).collect()
    }

    #[test]
    fn a_job_is_made_when_one_is_due_and_named_after_the_moment() {
        let due = "+c-29453765";
        assert!(moves(&cron(json!({})), &[], "2026-01-01T00:04:59Z").is_empty());
        assert_eq!(moves(&cron(json!({})), &[], "2026-01-01T00:05:02Z"), [due]);
        let late = json!({ "startingDeadlineSeconds": 30 });
        assert!(moves(&cron(late), &[], "2026-01-01T00:06:00Z").is_empty());
        assert!(moves(&cron(json!({ "suspend": true })), &[], "2026-01-01T00:05:02Z").is_empty());
        let running = [owned_job("old", None)];
        for (policy, expected) in
            [("Allow", &[due][..]), ("Forbid", &[]), ("Replace", &["-old", due])]
        {
            let cron = cron(json!({ "concurrencyPolicy": policy }));
            assert_eq!(moves(&cron, &running, "2026-01-01T00:05:02Z"), expected, "{policy}");
        }
    }

    #[test]
    fn old_jobs_are_forgotten() {
        let jobs = [
            owned_job("a", Some("Complete")),
            owned_job("b", Some("Failed")),
            owned_job("c", Some("Complete")),
            owned_job("d", Some("Failed")),
        ];
        let cron = cron(json!({ "successfulJobsHistoryLimit": 1 }));
        assert_eq!(moves(&cron, &jobs, "2026-01-01T00:01:00Z"), ["-a", "-b"]);
    }
}
