//! Budgets, full disks, and files of others.

use std::{fs, path::Path};

use super::{Fate, Portion, event, number, observer, read, runtime, write};
use crate::{
    flows::{Request, Window},
    hubble::flow::{FlowFilter, Verdict},
};

/// Bytes of all files.
fn size(dir: &Path) -> u64 {
    fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn all(dir: &Path) -> Vec<u32> {
    let observer = observer(dir, 64 << 20);
    write(&observer, Portion::All);
    let flows = runtime().block_on(read(&observer, &Request::default())).unwrap().0;
    flows.iter().map(number).collect()
}

#[test]
fn the_budget_is_kept_and_a_flood_of_forwards_pushes_out_no_drop() {
    const BUDGET: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let observer = observer(dir.path(), BUDGET);
    let history = observer.history().unwrap();
    observer.push((0..50).map(|n| event(n, u64::from(n), Fate::Dropped)));
    let mut next = 50;
    while history.stats().written < 60_000 {
        let numbers = next..next + 2048;
        next = numbers.end;
        observer.push(numbers.map(|n| event(n, u64::from(n), Fate::Forwarded)));
        write(&observer, Portion::All);
        assert!(size(dir.path()) <= BUDGET, "{}", size(dir.path()));
        assert_eq!(history.stats().bytes, size(dir.path()));
    }
    assert!(size(dir.path()) > BUDGET / 2, "what there is room for is kept");
    let ask = |request| runtime().block_on(read(&observer, &request)).unwrap().0;
    let drops = FlowFilter { verdict: vec![Verdict::Dropped.into()], ..FlowFilter::default() };
    let drops = ask(Request { allow: vec![drops], ..Request::default() });
    assert_eq!(drops.iter().map(number).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    let all = ask(Request::default());
    let forwards: Vec<_> = all.iter().filter(|flow| flow.aggregate.is_none()).map(number).collect();
    let forwards = &forwards[50..];
    assert!(forwards[0] > 50, "the oldest are gone");
    assert_eq!(forwards, (forwards[0]..next).collect::<Vec<_>>(), "and no others");
    // A smaller budget counts at once.
    drop(observer);
    let smaller = super::observer(dir.path(), BUDGET / 2);
    write(&smaller, Portion::All);
    assert!(size(dir.path()) <= BUDGET / 2, "{}", size(dir.path()));
}

#[test]
fn a_disk_that_fails_loses_flows_which_is_counted_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    // A file in the way of the directory breaks every try, as a full disk would.
    fs::write(&history, "in the way").unwrap();
    let observer = observer(&history, 64 << 20);
    let push = |from: u32, to: u32| {
        observer.push((from..to).map(|n| event(n, u64::from(n), Fate::Forwarded)));
        write(&observer, Portion::All);
    };
    push(0, 100);
    assert_eq!(observer.history().unwrap().stats().lost, 100);
    let ask = || runtime().block_on(read(&observer, &Request::default())).unwrap().0;
    assert_eq!(
        ask().iter().map(number).collect::<Vec<_>>(),
        (94..100).collect::<Vec<_>>(),
        "the ring is whole"
    );
    fs::remove_file(&history).unwrap();
    push(100, 200);
    assert_eq!(observer.history().unwrap().stats().lost, 100);
    assert_eq!(ask().iter().map(number).collect::<Vec<_>>(), (100..200).collect::<Vec<_>>());
    // Somebody tidies up.
    fs::remove_dir_all(&history).unwrap();
    push(200, 300);
    let stats = observer.history().unwrap().stats();
    assert_eq!((stats.lost, stats.written), (100, 200));
    drop(observer);
    assert_eq!(all(&history), (200..300).collect::<Vec<_>>());
}

#[test]
fn a_disk_that_is_too_slow_loses_the_oldest_flows() {
    let dir = tempfile::tempdir().unwrap();
    let observer = observer(dir.path(), 64 << 20);
    observer.push((0..20_000).map(|n| event(n, u64::from(n), Fate::Forwarded)));
    let lost = observer.history().unwrap().stats().lost;
    assert_eq!(lost, 20_000 - 16_384);
    write(&observer, Portion::All);
    drop(observer);
    assert_eq!(all(dir.path()), (20_000 - 16_384..20_000).collect::<Vec<_>>());
}

#[test]
fn files_of_other_versions_and_of_others_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut newer = b"skepflow".to_vec();
    newer.extend(2_u32.to_le_bytes());
    newer.extend([0; 100]);
    let newer_path = dir.path().join("forwarded-00000000000000ff.flows");
    fs::write(&newer_path, &newer).unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    fs::create_dir(dir.path().join("dropped-0000000000000001.flows")).unwrap();
    let observer = observer(dir.path(), 1 << 20);
    observer.push([event(7, 7, Fate::Forwarded)]);
    write(&observer, Portion::All);
    let name = dir.path().join("forwarded-0000000000000100.flows");
    assert!(name.exists(), "numbers go on after theirs");
    assert_eq!(fs::read(&newer_path).unwrap(), newer);
    assert_eq!(fs::read_to_string(dir.path().join("notes.txt")).unwrap(), "mine");
    drop(observer);
    assert_eq!(all(dir.path()), [7]);
}

#[test]
fn only_the_agents_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    let observer = observer(&history, 1 << 20);
    observer.push([event(7, 7, Fate::Forwarded)]);
    write(&observer, Portion::All);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&history), 0o700);
    assert_eq!(mode(&history.join("forwarded-0000000000000000.flows")), 0o600);
}

#[test]
fn who_asks_for_few_flows_that_are_in_memory_waits_for_no_disk() {
    let dir = tempfile::tempdir().unwrap();
    let observer = observer(dir.path(), 1 << 20);
    observer.push((0..6).map(|n| event(n, u64::from(n), Fate::Forwarded)));
    // Nobody has opened the history, so that a reader of it would wait for ever.
    let request = Request { window: Some(Window::Last(6)), ..Request::default() };
    let flows = runtime().block_on(read(&observer, &request)).unwrap().0;
    assert_eq!(flows.len(), 6);
}
