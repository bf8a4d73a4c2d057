//! Flows on disk: a disk that is full, and an agent that is killed.

use std::{net::IpAddr, sync::Arc};

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use skep::{
    events::Event,
    flows::{HistorySettings, Observer, PeerInfo, Request, Resolve, Settings},
    hubble::observer::GetFlowsResponse,
    model::Identity,
};
use skep_bpf::abi::{self, Observation, event_kind};
use tokio::runtime::Runtime;

use super::{
    disk::{LABS, resize, with_disk},
    lab::{Lab, eventually, text},
    services,
};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// Nobody is known.
struct Strangers;

impl Resolve for Strangers {
    fn address(&self, _: IpAddr) -> Option<Arc<PeerInfo>> {
        None
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }
}

fn event(number: u32) -> Event {
    let [_, high, ports @ ..] = number.to_be_bytes();
    let record = abi::Event {
        // A pattern would take no room once it is compressed.
        time: (u64::from(number) * 1_000_003) ^ u64::from(number.wrapping_mul(2_654_435_761)),
        kind: event_kind::TRACE,
        observation: Observation::ToEndpoint as u8,
        ip_version: 4,
        proto: 17,
        src: IpAddr::from([10, 0, 0, high]).into(),
        dst: IpAddr::from([10, 0, 1, 1]).into(),
        sport: u16::from_be_bytes(ports),
        ..abi::Event::default()
    };
    Event::decode(&record).expect("a record")
}

/// Returns how many stored flows there are.
async fn stored(observer: &Arc<Observer>) -> usize {
    let mut flows = observer.subscribe(&Request::default()).expect("a good question");
    let mut count = 0;
    while flows.next().await.is_some() {
        count += 1;
    }
    count
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_loses_flows_and_no_more_when_there_is_room() {
    with_disk(|| {
        resize("256k");
        let mut settings = Settings::new("default", "n1");
        settings.max_records = 8;
        let dir = format!("{LABS}/history").into();
        settings.history = Some(HistorySettings { dir, budget: 64 << 20 });
        let observer = Observer::new(settings, Arc::new(Strangers));
        let history = observer.history().expect("there is one");
        let mut next = 0;
        let mut push = |count: u32| {
            observer.push((next..next + count).map(event));
            next += count;
            let (history, observer) = (Arc::clone(history), Arc::clone(&observer));
            Runtime::new().expect("a runtime").block_on(history.flush(observer));
        };
        while history.stats().lost == 0 {
            assert!(history.stats().bytes <= 256 << 10, "the disk has no more room");
            push(1000);
        }
        assert!(history.stats().is_failing && history.stats().written > 0);
        let before = history.stats();
        let told = Runtime::new().expect("a runtime").block_on(stored(&observer)) as u64;
        // The six newest are in memory.
        assert!((before.written..=before.written + 6).contains(&told), "{told} of {before:?}");
        resize("16m");
        push(1000);
        let after = history.stats();
        assert_eq!((after.lost, after.written), (before.lost, before.written + 1000));
        assert!(!after.is_failing);
        let told = Runtime::new().expect("a runtime").block_on(stored(&observer)) as u64;
        assert_eq!(told, after.written, "nothing of what was half written is in the way");
    });
}

/// What the node's agent tells of all flows, as lines.
fn told(lab: &Lab, node: &str) -> Vec<GetFlowsResponse> {
    let output = lab.exec(node, &["skep", "observe", "--since", "1h", "-o", "json"]);
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Returns a number of the agent's metrics.
fn metric(lab: &Lab, node: &str, name: &str) -> Option<usize> {
    let output = lab.exec(node, &["curl", "-sf", "http://127.0.0.1:9962/metrics"]);
    let text = text(&output);
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Has all agents start again and keep flows on disk.
pub(crate) async fn keep_history(client: &Client) {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    let env = json!([{ "name": "SKEP_FLOW_HISTORY", "value": "16MiB" }]);
    let containers = json!([{ "name": "agent", "env": env }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    sets.patch("skep", &PatchParams::default(), &Patch::Strategic(patch)).await.expect("patched");
}

#[tokio::test]
#[ignore = "needs root"]
async fn flows_of_before_a_kill_are_found() {
    const WRITTEN: &str = "skep_agent_history_flows_written_total ";
    let lab = Lab::bare("history", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    keep_history(&client).await;
    let node = "node-1";
    eventually("the agent keeps flows", || async { metric(&lab, node, WRITTEN) }).await;
    eventually("the server answers", || async {
        let ask = ["curl", "-s", "-m", "1", "http://web.default.svc/"];
        (services::run(&client, &ask).await.0 == 0).then_some(())
    })
    .await;
    let before = told(&lab, node);
    assert!(!before.is_empty());
    eventually("flows are on disk", || async {
        metric(&lab, node, WRITTEN).filter(|written| *written >= before.len())
    })
    .await;
    let victims = lab.processes(&["skep agent"]);
    for pid in &victims {
        kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("it runs");
    }
    let uuids = |messages: &[GetFlowsResponse]| {
        let flows = messages.iter().filter_map(GetFlowsResponse::flow);
        flows.map(|flow| flow.uuid.clone()).collect::<Vec<_>>()
    };
    let before = uuids(&before);
    eventually("a new agent tells of them", || async {
        let is_new = lab.processes(&["skep agent"]).iter().all(|pid| !victims.contains(pid));
        let now = uuids(&told(&lab, node));
        (is_new && now.starts_with(&before)).then_some(())
    })
    .await;
    let status = lab.exec(node, &["skep", "status", "-o", "json"]);
    assert!(text(&status).contains("flow-history"), "{}", text(&status));
}
