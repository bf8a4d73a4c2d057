//! Jobs begin, fail, and end.

use serde_json::{Value, from_value, json};

use super::{
    indexes::{INDEX, parse_indexes, show_indexes},
    *,
};
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
        Write::Status(patch) => Some(patch["status"]["conditions"][1]["type"].as_str()?.to_owned()),
        _ => None,
    });
    (of(|one| matches!(one, Write::Create(_))), of(|one| matches!(one, Write::Delete { .. })), end)
}

#[test]
fn as_many_pods_run_as_are_needed() {
    let end = |kind: &str| Some(kind.to_owned());
    for (spec, owned, expected) in [
        (json!({}), vec![], (1, 0, None)),
        (json!({ "completions": 5, "parallelism": 3 }), vec![pod("Running", None)], (2, 0, None)),
        (json!({ "completions": 2, "parallelism": 3 }), vec![pod("Succeeded", None)], (1, 0, None)),
        (json!({}), vec![pod("Succeeded", None), pod("Running", None)], (0, 1, end("Complete"))),
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
    let made: Vec<_> = actions.iter().filter(|one| matches!(one.write, Write::Create(_))).collect();
    assert_eq!(made.len(), 1);
    assert!(made[0].name().starts_with("j-2-"), "{}", made[0].name());
    for text in ["", "0", "0-2,5", "1,3-4"] {
        assert_eq!(show_indexes(&parse_indexes(text)), text);
    }
}
