use serde_json::{Value, json};

use super::*;

const CORE: Shape<'static> = Shape::Builtin { parent: "", field: "" };

fn writer(manager: &str) -> Writer {
    Writer {
        manager: manager.to_owned(),
        api_version: "v1".to_owned(),
        subresource: String::new(),
        time: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn applied(live: &Value, wish: &Value, manager: &str) -> Value {
    apply(CORE, live, wish, &writer(manager), false).unwrap()
}

fn entry<'a>(object: &'a Value, manager: &str) -> Option<&'a Value> {
    object["metadata"]["managedFields"].as_array()?.iter().find(|e| e["manager"] == manager)
}

#[test]
fn an_apply_owns_what_it_sets_and_removes_what_it_no_longer_sets() {
    let first = applied(
        &Value::Null,
        &json!({"metadata": {"labels": {"x": "1"}}, "data": {"a": "1", "b": "2"}}),
        "skep",
    );
    assert_eq!(
        entry(&first, "skep").unwrap()["fieldsV1"],
        json!({"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:x": {}}}})
    );
    let second = applied(&first, &json!({"data": {"a": "1"}}), "skep");
    assert_eq!(second["data"], json!({"a": "1"}));
    assert_eq!(second["metadata"].get("labels"), None);
}

#[test]
fn another_managers_field_is_a_conflict_unless_equal_or_forced() {
    let live = applied(&Value::Null, &json!({"data": {"k": "1"}}), "skep");
    let shared = applied(&live, &json!({"data": {"k": "1"}}), "other");
    assert!(entry(&shared, "skep").is_some() && entry(&shared, "other").is_some());

    let wish = json!({"data": {"k": "2"}});
    let conflicts = apply(CORE, &live, &wish, &writer("other"), false).unwrap_err();
    assert_eq!(
        (conflicts[0].manager.as_str(), conflicts[0].field.as_str()),
        ("\"skep\"", ".data.k")
    );

    let forced = apply(CORE, &live, &wish, &writer("other"), true).unwrap();
    assert_eq!(forced["data"]["k"], "2");
    assert!(entry(&forced, "skep").is_none(), "a manager that owns nothing is gone");
}

#[test]
fn items_of_keyed_lists_belong_to_those_who_set_them() {
    let one = json!({"spec": {"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80}]}]}});
    let live = applied(&Value::Null, &one, "one");
    let two = json!({"spec": {"containers": [{"name": "b", "image": "y"}]}});
    let both = applied(&live, &two, "two");
    assert_eq!(both["spec"]["containers"].as_array().unwrap().len(), 2);
    let less = applied(&both, &json!({"spec": {"hostNetwork": true}}), "one");
    assert_eq!(less["spec"]["containers"], json!([{"name": "b", "image": "y"}]));
    let fields = &entry(&live, "one").unwrap()["fieldsV1"]["f:spec"]["f:containers"];
    assert!(
        fields[r#"k:{"name":"a"}"#]["f:ports"][r#"k:{"containerPort":80,"protocol":"TCP"}"#]
            .is_object()
    );
}

#[test]
fn an_update_takes_the_fields_it_changes() {
    let live = applied(&Value::Null, &json!({"data": {"a": "1", "b": "1"}}), "skep");
    let mut new = live.clone();
    new["data"]["a"] = "2".into();
    track(CORE, Some(&live), &mut new, &writer("kubectl"));
    assert_eq!(entry(&new, "kubectl").unwrap()["fieldsV1"], json!({"f:data": {"f:a": {}}}));
    assert_eq!(entry(&new, "skep").unwrap()["fieldsV1"], json!({"f:data": {"f:b": {}}}));
    let conflicts =
        apply(CORE, &new, &json!({"data": {"a": "1"}}), &writer("skep"), false).unwrap_err();
    assert_eq!(conflicts[0].manager, "\"kubectl\" using v1");
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let wish = json!({"metadata": {"finalizers": ["a/b"]}, "data": {"a": "1"}});
    let live = applied(&Value::Null, &wish, "skep");
    let later = Writer { time: "2027-01-01T00:00:00Z".to_owned(), ..writer("skep") };
    assert_eq!(apply(CORE, &live, &wish, &later, false).unwrap(), live);
}

#[test]
fn custom_schemas_say_which_lists_have_keys() {
    let schema = json!({"properties": {"spec": {"properties": {"rules": {
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"], "items": {}}}}}});
    let shape = Shape::Schema(&schema);
    let live = apply(
        shape,
        &Value::Null,
        &json!({"spec": {"rules": [{"id": 1, "v": 1}]}}),
        &writer("a"),
        false,
    )
    .unwrap();
    let both =
        apply(shape, &live, &json!({"spec": {"rules": [{"id": 2}]}}), &writer("b"), false).unwrap();
    assert_eq!(both["spec"]["rules"], json!([{"id": 1, "v": 1}, {"id": 2}]));
}
