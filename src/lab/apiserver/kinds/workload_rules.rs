//! The rules of Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs.

use serde_json::Value;

use super::checks::{self, text};
use super::pod_spec;
use crate::lab::apiserver::refusal::Cause;
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::selector::{LabelSelector, query_form};

/// Returns what is wrong with a workload.
pub(super) fn validate(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let spec = &value["spec"];
    let mut causes = Vec::new();
    match resource.kind.as_str() {
        "ControllerRevision" => return causes,
        "CronJob" => {
            cron_job(&mut causes, spec, text(&value["metadata"], "name"));
            let template = &spec["jobTemplate"]["spec"]["template"];
            pods(&mut causes, template, "spec.jobTemplate.spec.template", Restart::ToEnd, &[]);
            return causes;
        }
        "Job" => {
            job(&mut causes, spec);
            pods(&mut causes, &spec["template"], "spec.template", Restart::ToEnd, &[]);
            if let Some(old) = old {
                job_changes(&mut causes, &old["spec"], spec);
            }
            return causes;
        }
        _ => {}
    }
    checks::not_negative(&mut causes, spec, "replicas", "spec");
    checks::not_negative(&mut causes, spec, "minReadySeconds", "spec");
    checks::not_negative(&mut causes, spec, "revisionHistoryLimit", "spec");
    strategy(&mut causes, resource, spec);
    let claims = spec["volumeClaimTemplates"].as_array().into_iter().flatten();
    let claims: Vec<&str> = claims.map(|claim| text(&claim["metadata"], "name")).collect();
    pods(&mut causes, &spec["template"], "spec.template", Restart::Always, &claims);
    selector(&mut causes, old, spec);
    if let Some(old) = old.filter(|_| resource.kind == "StatefulSet") {
        stateful_changes(&mut causes, &old["spec"], spec);
    }
    causes
}

#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Always,
    /// Pods that are to end.
    ToEnd,
}

fn pods(causes: &mut Vec<Cause>, template: &Value, path: &str, restart: Restart, claims: &[&str]) {
    checks::labels(causes, &template["metadata"]["labels"], &format!("{path}.labels"));
    causes.extend(pod_spec::causes(&template["spec"], &format!("{path}.spec"), claims));
    let found = &template["spec"]["restartPolicy"];
    let allowed: &[&str] =
        if restart == Restart::ToEnd { &["OnFailure", "Never"] } else { &["Always"] };
    if !allowed.contains(&found.as_str().unwrap_or_default()) {
        causes.push(Cause::unsupported(format!("{path}.spec.restartPolicy"), found, allowed));
    }
}

fn selector(causes: &mut Vec<Cause>, old: Option<&Value>, spec: &Value) {
    let selector = &spec["selector"];
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
        return;
    }
    checks::selector(causes, selector, "spec.selector");
    let labels = &spec["template"]["metadata"]["labels"];
    let parsed = LabelSelector::parse(&query_form(selector));
    if parsed.as_ref().is_ok_and(LabelSelector::is_empty) {
        let detail = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, detail));
    }
    if !parsed.is_ok_and(|s| !s.is_empty() && s.matches(|key| labels[key].as_str())) {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, detail));
    }
    if old.is_some_and(|old| old["spec"]["selector"] != *selector) {
        causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
    }
}

fn strategy(causes: &mut Vec<Cause>, resource: &Resource, spec: &Value) {
    let (member, known): (&str, &[&str]) = match resource.kind.as_str() {
        "Deployment" => ("strategy", &["Recreate", "RollingUpdate"]),
        "StatefulSet" | "DaemonSet" => ("updateStrategy", &["OnDelete", "RollingUpdate"]),
        _ => return,
    };
    let path = format!("spec.{member}");
    checks::word(causes, &spec[member], "type", &path, known);
    let rolling = &spec[member]["rollingUpdate"];
    if spec[member]["type"] != "RollingUpdate" && rolling.is_object() {
        let detail = format!(
            "may not be specified when strategy `type` is '{}'",
            text(&spec[member], "type")
        );
        causes.push(Cause::forbidden(format!("{path}.rollingUpdate"), &detail));
        return;
    }
    let path = format!("{path}.rollingUpdate");
    checks::share(causes, rolling, "maxUnavailable", &path);
    checks::share(causes, rolling, "maxSurge", &path);
    checks::not_negative(causes, rolling, "partition", &path);
    let is_zero = |value: &Value| *value == 0 || *value == "0%";
    if resource.kind == "Deployment"
        && is_zero(&rolling["maxUnavailable"])
        && is_zero(&rolling["maxSurge"])
    {
        let detail = "may not be 0 when `maxSurge` is 0";
        let field = format!("{path}.maxUnavailable");
        causes.push(Cause::invalid(field, &rolling["maxUnavailable"], detail));
    }
}

fn stateful_changes(causes: &mut Vec<Cause>, old: &Value, new: &Value) {
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        for free in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
            "selector",
        ] {
            spec[free] = Value::Null;
        }
        spec
    };
    if fixed(old) != fixed(new) {
        causes.push(Cause::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
    }
}

fn job(causes: &mut Vec<Cause>, spec: &Value) {
    for member in ["parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"] {
        checks::not_negative(causes, spec, member, "spec");
    }
    checks::positive(causes, spec, "activeDeadlineSeconds", "spec");
    checks::word(causes, spec, "completionMode", "spec", &["NonIndexed", "Indexed"]);
    if spec["completionMode"] == "Indexed" && spec["completions"].is_null() {
        let detail = "when completion mode is Indexed";
        causes.push(Cause::required("spec.completions", detail));
    }
}

fn job_changes(causes: &mut Vec<Cause>, old: &Value, new: &Value) {
    for member in ["selector", "completionMode", "template", "backoffLimitPerIndex"] {
        // A suspended job may still be told where to run.
        if old[member] != new[member] && !(member == "template" && old["suspend"] == true) {
            let field = format!("spec.{member}");
            causes.push(Cause::invalid(field, &new[member], "field is immutable"));
        }
    }
    if old["completions"] != new["completions"] && new["completionMode"] != "Indexed" {
        let field = "spec.completions";
        causes.push(Cause::invalid(field, &new["completions"], "field is immutable"));
    }
}

fn cron_job(causes: &mut Vec<Cause>, spec: &Value, name: &str) {
    if name.len() > 52 {
        let detail = "must be no more than 52 characters";
        causes.push(Cause::invalid("metadata.name", &name.into(), detail));
    }
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if let Err(detail) = check_schedule(schedule) {
        causes.push(Cause::invalid("spec.schedule", &spec["schedule"], &detail));
    }
    checks::word(causes, spec, "concurrencyPolicy", "spec", &["Allow", "Forbid", "Replace"]);
    for member in
        ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"]
    {
        checks::not_negative(causes, spec, member, "spec");
    }
    let zone = text(spec, "timeZone");
    if !zone.is_empty() && zone != "UTC" && !zone.contains('/') {
        let detail = format!("unknown time zone {zone}");
        causes.push(Cause::invalid("spec.timeZone", &spec["timeZone"], &detail));
    }
}

/// Checks five fields of numbers, ranges, lists, steps and names, or one of the words that stand for such.
fn check_schedule(schedule: &str) -> Result<(), String> {
    const WORDS: &[&str] =
        &["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if let Some(pause) = schedule.strip_prefix("@every ") {
        let is_time = pause.ends_with(['s', 'm', 'h'])
            && pause.starts_with(|c: char| c.is_ascii_digit())
            && pause.chars().all(|c| c.is_ascii_digit() || matches!(c, 's' | 'm' | 'h' | '.'));
        return if is_time { Ok(()) } else { Err(format!("failed to parse duration {schedule}")) };
    }
    if schedule.starts_with('@') {
        let known = WORDS.contains(&schedule);
        return if known { Ok(()) } else { Err(format!("unrecognized descriptor: {schedule}")) };
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != 5 {
        let count = fields.len();
        return Err(format!("expected exactly 5 fields, found {count}: {fields:?}"));
    }
    const MONTHS: &[&str] =
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let bounds: [(u32, u32, &[&str]); 5] =
        [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, MONTHS), (0, 7, DAYS)];
    for (field, (least, most, names)) in fields.into_iter().zip(bounds) {
        for part in field.split(',') {
            check_part(part, least, most, names)?;
        }
    }
    Ok(())
}

fn check_part(part: &str, least: u32, most: u32, names: &[&str]) -> Result<(), String> {
    let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
    if step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| step > 0)) {
        return Err(format!("failed to parse int from {part}"));
    }
    if matches!(range, "*" | "?") {
        return Ok(());
    }
    let number = |text: &str| -> Result<u32, String> {
        let named = names.iter().position(|name| *name == text.to_lowercase());
        let number = match named {
            Some(at) => u32::try_from(at).unwrap_or_default() + least,
            None => text.parse().map_err(|_| format!("failed to parse int from {text}"))?,
        };
        if number < least {
            return Err(format!("beginning of range ({number}) below minimum ({least}): {part}"));
        }
        if number > most {
            return Err(format!("end of range ({number}) above maximum ({most}): {part}"));
        }
        Ok(number)
    };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {part}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_schedule;

    #[test]
    fn schedules_are_checked_as_cron_reads_them() {
        for good in
            ["* * * * *", "*/5 0-6,18 1,15 jan-mar mon-fri", "0 0 * * 7", "@hourly", "@every 1h30m"]
        {
            assert_eq!(check_schedule(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@often",
            "x * * * *",
        ] {
            assert!(check_schedule(bad).is_err(), "{bad}");
        }
    }
}
