//! What metrics tell of policies.

use super::*;
use crate::telemetry::Metrics;

/// Returns how many changes were timed.
fn timed(rig: &Rig) -> String {
    let metrics = Metrics::new();
    let delays = rig.engine.figures().delays;
    metrics.register("test", |registry| registry.register("x", "Times", delays));
    let text = metrics.encode();
    let line = text.lines().find_map(|line| line.strip_prefix("skep_test_x_count "));
    line.expect("a histogram has a count").to_owned()
}

#[test]
fn changes_are_timed_once_they_are_in_force_and_pods_sorted_by_what_isolates_them() {
    let rig = Rig::new();
    rig.engine.objects_changed(NETPOL, Change::Changed(object_of(allows("a", "web", "client"))));
    rig.engine.assign(&record(1, "web"), vec![]);
    rig.engine.assign(&record(2, "client"), vec![]);
    rig.engine.set_synced();
    assert_eq!(timed(&rig), "0", "what was there before the agent is no change");
    let figures = rig.engine.figures();
    assert_eq!(figures.policies["NetworkPolicy"], 1);
    assert_eq!(figures.policies["CiliumNetworkPolicy"], 0, "kinds are there before their objects");
    assert_eq!(figures.rules, 1);
    assert_eq!((figures.endpoints["none"], figures.endpoints["ingress"]), (1, 1));
    assert_eq!(figures.revision, rig.revision());

    for name in ["b", "c"] {
        let object = object_of(allows(name, "client", "web"));
        rig.engine.objects_changed(NETPOL, Change::Changed(object));
    }
    assert_eq!(timed(&rig), "0", "seen, but not in force");
    rig.engine.settle();
    assert_eq!(timed(&rig), "2");
    rig.engine.settle();
    assert_eq!(timed(&rig), "2");
    let figures = rig.engine.figures();
    assert_eq!((figures.policies["NetworkPolicy"], figures.rules), (3, 3));
    assert_eq!((figures.endpoints["none"], figures.endpoints["ingress"]), (0, 2));
}
