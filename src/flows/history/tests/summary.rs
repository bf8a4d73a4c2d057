//! What is left of flows that had to make room.

use std::collections::BTreeMap;

use super::{Fate, Portion, event, observer, read, runtime, write};
use crate::{
    flows::{Request, history::summary::Summary},
    hubble::flow::{Flow, Verdict},
};

/// Returns the flows of blocks.
fn unpacked(summary: Summary) -> Vec<Flow> {
    let blocks = summary.finish();
    let entries = blocks.iter().flat_map(|(head, bytes)| {
        super::super::block::unpack(head, &bytes[super::super::block::HEAD..]).expect("whole")
    });
    entries.map(|entry| *entry.flow).collect()
}

/// Returns flows as an observer makes them of packets.
fn flows(packets: impl IntoIterator<Item = (u32, u64, Fate)>) -> Vec<Flow> {
    let dir = tempfile::tempdir().unwrap();
    let observer = observer(dir.path(), 64 << 20);
    observer.push(packets.into_iter().map(|(number, seconds, fate)| event(number, seconds, fate)));
    write(&observer, Portion::All);
    runtime().block_on(read(&observer, &Request::default())).unwrap().0
}

#[test]
#[expect(deprecated, reason = "clients show it")]
fn one_stands_for_all_that_are_alike() {
    // Numbers below 65536 differ by the client's port only.
    let packets = (0..100).map(|n| (n, 1_000_000 + u64::from(n), Fate::Forwarded));
    let other = [(7, 1_000_050, Fate::Denied), (1 << 16, 1_000_060, Fate::Forwarded)];
    let flows = flows(packets.chain(other));
    let mut summary = Summary::default();
    flows.iter().cloned().for_each(|flow| summary.add(flow));
    let rows = unpacked(summary);
    assert_eq!(rows.iter().map(Flow::count).sum::<u64>(), 103);
    let drops: Vec<_> = rows.iter().filter(|row| row.verdict() == Verdict::Dropped).collect();
    assert_eq!(drops.len(), 2, "a verdict and a drop");
    let far = rows.iter().filter(|row| row.addresses().unwrap().0.to_string() == "10.1.1.1");
    assert_eq!(far.map(Flow::count).collect::<Vec<_>>(), [1]);
    let near = |row: &&Flow| {
        row.verdict() == Verdict::Forwarded && row.addresses().unwrap().0.to_string() == "10.1.1.0"
    };
    let near: Vec<_> = rows.iter().filter(near).collect();
    assert!(near.len() <= 2, "100 seconds touch two windows at most");
    assert_eq!(near.iter().map(|row| row.count()).sum::<u64>(), 100);
    let last = near.iter().max_by_key(|row| row.time).unwrap();
    let newest = flows.iter().filter(|flow| flow.ports().unwrap().0 == 99).map(|flow| flow.time);
    assert_eq!(last.time, newest.max().unwrap());
    assert_eq!(last.ports(), Some((0, 53)));
    assert_eq!(last.aggregate.unwrap().ingress_flow_count as u64, last.count());
    assert!(last.summary.starts_with("UDP; "), "{}", last.summary);
    assert!(rows.iter().all(|row| row.uuid.len() == 36 && row.ethernet.is_none()));
}

#[test]
fn windows_and_memory_end_but_no_flow_is_left_out() {
    // Three times as many different senders as are summed up at once, each twice, an hour apart.
    let packets = (0..6000_u32).flat_map(|n| {
        let number = ((n % 120) << 16) | n;
        [(number, 1_000_000, Fate::Dropped), (number, 1_003_600, Fate::Dropped)]
    });
    let mut flows = flows(packets);
    for (n, flow) in flows.iter_mut().enumerate() {
        flow.node_name = format!("n{}", n % 6000);
    }
    let mut summary = Summary::default();
    flows.iter().cloned().for_each(|flow| summary.add(flow));
    let mut counts = BTreeMap::new();
    for row in unpacked(summary) {
        *counts.entry(row.node_name.clone()).or_insert(0) += row.count();
    }
    assert_eq!(counts.len(), 6000);
    assert!(counts.values().all(|count| *count == 2));
}

#[test]
fn what_made_room_is_counted_still() {
    let dir = tempfile::tempdir().unwrap();
    let observer = observer(dir.path(), 1 << 20);
    let mut next = 0;
    while observer.history().unwrap().stats().written < 60_000 {
        let numbers = next..next + 2048;
        next = numbers.end;
        observer.push(numbers.map(|n| event(n, 1_000_000 + u64::from(n), Fate::Forwarded)));
        write(&observer, Portion::All);
    }
    let (flows, lost) = runtime().block_on(read(&observer, &Request::default())).unwrap();
    let (rows, details): (Vec<_>, Vec<_>) = flows.iter().partition(|flow| flow.aggregate.is_some());
    assert!(!rows.is_empty() && details.len() < next as usize);
    assert_eq!(flows.iter().map(Flow::count).sum::<u64>(), u64::from(next));
    assert_eq!(lost, 0);
    assert!(flows.is_sorted_by_key(|flow| flow.time), "in the order of time");
}
