use serde_json::json;

use super::*;
use crate::lab::apiserver::builtin;

fn configmaps() -> Resource {
    builtin::resources().find(|r| r.kind == "ConfigMap").unwrap()
}

fn store(events: usize) -> Arc<Store> {
    Arc::new(Store::new(Window { events, bytes: 1 << 20 }))
}

fn put(store: &Store, name: &str, data: &str) -> Arc<Object> {
    let resource = configmaps();
    let key = Key::new("default", name);
    let expect =
        store.get(&resource.id, &key).map_or(Expect::Absent, |o| Expect::Revision(o.revision));
    let value = json!({"metadata": {"name": name, "namespace": "default"}, "data": {"k": data}});
    store.put(&resource, key, value, expect).unwrap()
}

fn names(page: &Page) -> Vec<&str> {
    page.objects.iter().map(|o| &*o.key.name).collect()
}

fn everything(at: At) -> Query<'static> {
    Query { namespace: None, at, after: None, limit: None, matches: &|_| true }
}

#[test]
fn a_write_that_expects_another_revision_fails() {
    let store = store(10);
    let resource = configmaps();
    let first = put(&store, "a", "1");
    put(&store, "a", "2");
    let stale =
        store.put(&resource, first.key.clone(), first.value(), Expect::Revision(first.revision));
    assert!(matches!(stale.unwrap_err(), WriteError::Mismatch));
    assert!(store.put(&resource, first.key.clone(), first.value(), Expect::Absent).is_err());
}

#[test]
fn the_past_is_listed_from_the_history_until_it_is_forgotten() {
    let store = store(3);
    put(&store, "a", "1");
    put(&store, "b", "1");
    let then = store.revision();
    put(&store, "c", "1");
    put(&store, "a", "2");
    let resource = configmaps();
    let b = store.get(&resource.id, &Key::new("default", "b")).unwrap();
    store.remove(&resource, &b.key, b.value(), b.revision).unwrap();

    let past = store.list(&resource.id, &everything(At::Exactly(then))).unwrap();
    assert_eq!(names(&past), ["a", "b"]);
    assert_eq!(past.objects[0].value()["data"]["k"], "1");
    assert_eq!(names(&store.list(&resource.id, &everything(At::Latest)).unwrap()), ["a", "c"]);

    put(&store, "d", "1");
    assert!(store.list(&resource.id, &everything(At::Exactly(then))).is_err());
}

#[test]
fn pages_continue_after_a_key_and_count_the_rest() {
    let store = store(10);
    for name in ["a", "b", "c", "d", "e"] {
        put(&store, name, "1");
    }
    let mut query = everything(At::Latest);
    query.limit = Some(2);
    let first = store.list("configmaps", &query).unwrap();
    assert_eq!((names(&first), first.remaining), (vec!["a", "b"], 3));
    query.after = Some(first.objects[1].key.clone());
    query.at = At::Exactly(first.revision);
    let second = store.list("configmaps", &query).unwrap();
    assert_eq!((names(&second), second.remaining), (vec!["c", "d"], 1));
}

#[tokio::test]
async fn a_watch_reads_at_its_own_pace_and_is_told_when_it_fell_behind() {
    let store = store(4);
    let mut watch = store.watch(&configmaps().id, store.revision());
    put(&store, "a", "1");
    put(&store, "a", "2");
    assert!(watch.changed().await);
    let batch = watch.poll().unwrap().unwrap();
    let kinds: Vec<_> = batch.events.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Added, EventKind::Modified]);
    assert_eq!(batch.upto, store.revision());
    for n in 0..6 {
        put(&store, "a", &n.to_string());
    }
    assert!(matches!(watch.poll(), Some(Err(Gap { .. }))));
}

#[test]
fn lines_are_shared_and_relabelled_when_the_event_differs() {
    let store = store(4);
    let object = put(&store, "a", "1");
    let line = object.line(EventKind::Added);
    assert_eq!(line.as_ptr(), object.line(EventKind::Added).as_ptr());
    let json: Value = serde_json::from_slice(&object.line(EventKind::Deleted)).unwrap();
    assert_eq!(json["type"], "DELETED");
    assert_eq!(json["object"]["apiVersion"], "v1");
    assert_eq!(object.value()["metadata"]["resourceVersion"], object.revision.to_string());
}

#[tokio::test]
async fn an_owner_that_goes_leaves_its_dependents_as_work() {
    let store = store(10);
    let resource = configmaps();
    let put = |name: &str, uid: &str, owner: Option<&str>| {
        let owners: Vec<Value> = owner.iter().map(|uid| json!({"uid": uid})).collect();
        let value = json!({"metadata": {"name": name, "uid": uid, "ownerReferences": owners}});
        store.put(&resource, Key::new("default", name), value, Expect::Absent).unwrap()
    };
    let owner = put("owner", "1", None);
    put("child", "2", Some("1"));
    store.remove(&resource, &owner.key, owner.value(), owner.revision).unwrap();
    assert_eq!(
        store.next_doomed().await,
        [(Arc::clone(&resource.id), Key::new("default", "child"))]
    );
    put("dangling", "3", Some("none"));
    assert_eq!(&*store.next_doomed().await[0].1.name, "dangling");
}
