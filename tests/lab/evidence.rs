//! What a node tells about dropped packets: counters and flows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use skep::hubble::{flow::Flow, observer::GetFlowsResponse};
use skep_bpf::abi::DropReason;

use super::lab::{Lab, text};

/// How long counters and flows may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Packets by reason, as `skep bpf metrics list` tells.
#[derive(Clone, Debug)]
pub(crate) struct Counters(BTreeMap<String, (u64, bool)>);

impl Counters {
    /// Reads those of a node.
    pub(crate) fn read(lab: &Lab, node: &str) -> Self {
        let output = lab.exec(node, &["skep", "bpf", "metrics", "list", "-o", "json"]);
        assert!(output.status.success(), "{}", text(&output));
        let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut counters = BTreeMap::new();
        for item in list["items"].as_array().expect("a list") {
            let reason = item["reason"].as_str().expect("a reason").to_owned();
            let entry = counters.entry(reason).or_insert((0, item["drop"] == true));
            entry.0 += item["packets"].as_u64().expect("a number");
        }
        Self(counters)
    }

    /// Returns how often a reason was counted.
    pub(crate) fn of(&self, reason: &str) -> u64 {
        self.0.get(reason).map_or(0, |(packets, _)| *packets)
    }

    /// Returns how many packets were dropped for any reason.
    pub(crate) fn drops(&self) -> u64 {
        self.0.values().filter(|(_, drop)| *drop).map(|(packets, _)| packets).sum()
    }
}

/// Returns the drops that `skep observe` shows of a node since a moment.
pub(crate) fn drops_since(lab: &Lab, node: &str, since: Timestamp) -> Vec<Flow> {
    let since = since.to_string();
    let command = ["skep", "observe", "--type", "drop", "--all", "--since", &since, "-o", "json"];
    let output = lab.exec(node, &command);
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).expect("text");
    let messages =
        lines.lines().map(|line| serde_json::from_str::<GetFlowsResponse>(line).expect("JSON"));
    messages.filter_map(|message| message.flow().cloned()).collect()
}

/// Sends `times` packets and waits until the node has dropped, counted and shown each of them for
/// this reason, and no others.
pub(crate) fn assert_dropped(
    (lab, node): (&Lab, &str),
    (what, reason, times): (&str, DropReason, u64),
    send: impl FnOnce(),
    is_shown_by: impl Fn(&Flow) -> bool,
) {
    let reason = reason.name();
    let (before, since) = (Counters::read(lab, node), Timestamp::now());
    send();
    let enough = |now: &Counters| now.of(reason) >= before.of(reason) + times;
    let after = wait_for(what, || Counters::read(lab, node), enough);
    assert_eq!(after.drops() - before.drops(), times, "{what}: {before:?} {after:?}");
    wait_for(
        what,
        || drops_since(lab, node, since),
        |flows| {
            let shown =
                |flow: &&Flow| flow.drop_reason_desc().as_str_name() == reason && is_shown_by(flow);
            flows.iter().filter(shown).count() as u64 == times
        },
    );
}

/// Waits until a condition holds; tells what was last seen when it does not.
pub(crate) fn wait_for<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    enough: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        let seen = look();
        if enough(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "timed out: {what}; last seen: {seen:#?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
