//! Columns of Deployments and the other workloads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{human, since};
use super::columns::{Column, age, items, joined, name, text_at};
use crate::lab::apiserver::selector::query_form;

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

fn ready(object: &Value) -> String {
    format!("{}/{}", number(object, "/status/readyReplicas"), number(object, "/spec/replicas"))
}

/// Containers and images of the pod template, and the selector.
fn wide(template: &'static str) -> [Column; 2] {
    let list = move |object: &Value, member: &str| {
        let path = format!("{template}/spec/containers");
        joined(items(object, &path).filter_map(|c| c[member].as_str()))
    };
    [
        Column::text("Containers", move |object| list(object, "name")).wide(),
        Column::text("Images", move |object| list(object, "image")).wide(),
    ]
}

fn selector() -> Column {
    Column::text("Selector", |object| {
        let query = query_form(&object["spec"]["selector"]);
        if query.is_empty() { "<none>".to_owned() } else { query }
    })
    .wide()
}

pub(super) fn of(kind: &str) -> Vec<Column> {
    let mut columns = vec![name()];
    match kind {
        "Deployment" => columns.extend([
            Column::text("Ready", ready),
            Column::number("Up-to-date", "/status/updatedReplicas").kind("string"),
            Column::number("Available", "/status/availableReplicas").kind("string"),
        ]),
        "ReplicaSet" => columns.extend([
            Column::number("Desired", "/spec/replicas"),
            Column::number("Current", "/status/replicas"),
            Column::number("Ready", "/status/readyReplicas"),
        ]),
        "DaemonSet" => columns.extend([
            Column::number("Desired", "/status/desiredNumberScheduled"),
            Column::number("Current", "/status/currentNumberScheduled"),
            Column::number("Ready", "/status/numberReady"),
            Column::number("Up-to-date", "/status/updatedNumberScheduled"),
            Column::number("Available", "/status/numberAvailable"),
            Column::text("Node Selector", |object| {
                let query = query_form(&object["spec"]["template"]["spec"]["nodeSelector"]);
                if query.is_empty() { "<none>".to_owned() } else { query }
            }),
        ]),
        "StatefulSet" => columns.push(Column::text("Ready", ready)),
        "Job" => columns.extend([
            Column::text("Status", job_status),
            Column::text("Completions", completions),
            Column::new("Duration", duration),
        ]),
        "CronJob" => columns.extend([
            Column::text("Schedule", |object| text_at(object, "/spec/schedule")),
            Column::text("Timezone", |object| text_at(object, "/spec/timeZone")),
            Column::new("Suspend", |object, _| (object["spec"]["suspend"] == true).into())
                .kind("boolean"),
            Column::new("Active", |object, _| json!(items(object, "/status/active").count()))
                .kind("integer"),
            Column::new(
                "Last Schedule",
                |object, now| match &object["status"]["lastScheduleTime"] {
                    Value::Null => "<none>".into(),
                    time => since(time, now).into(),
                },
            ),
        ]),
        "ControllerRevision" => {
            columns.extend([
                Column::text("Controller", |object| {
                    let owner = &object["metadata"]["ownerReferences"][0];
                    let kind = owner["kind"].as_str().unwrap_or_default().to_lowercase();
                    joined([format!("{kind}.apps/{}", owner["name"].as_str().unwrap_or_default())
                        .as_str()])
                }),
                Column::number("Revision", "/revision"),
            ]);
        }
        _ => {}
    }
    columns.push(age());
    match kind {
        "CronJob" => columns.extend(wide("/spec/jobTemplate/spec/template")),
        "ControllerRevision" => return columns,
        _ => columns.extend(wide("/spec/template")),
    }
    if kind != "StatefulSet" {
        columns.push(selector());
    }
    columns
}

fn job_status(object: &Value) -> String {
    for kind in ["Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"] {
        if items(object, "/status/conditions").any(|c| c["type"] == kind && c["status"] == "True") {
            return kind.to_owned();
        }
    }
    if object["metadata"]["deletionTimestamp"].is_string() { "Terminating" } else { "Running" }
        .to_owned()
}

fn completions(object: &Value) -> String {
    let done = number(object, "/status/succeeded");
    match object["spec"]["completions"].as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None => match number(object, "/spec/parallelism") {
            0 | 1 => format!("{done}/1"),
            parallel => format!("{done}/1 of {parallel}"),
        },
    }
}

fn duration(object: &Value, now: Timestamp) -> Value {
    let time = |member: &str| object["status"][member].as_str()?.parse::<Timestamp>().ok();
    match (time("startTime"), time("completionTime")) {
        (Some(start), end) => human(end.unwrap_or(now).as_second() - start.as_second()).into(),
        (None, _) => "".into(),
    }
}
