//! The row about flows: what an event takes from the ring buffer's bytes to the store and a reader's filter.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use futures::FutureExt as _;
use skep_bpf::abi::{self, Direction, Observation, event_flags, event_kind};
use tokio::runtime::Builder;

use super::{
    catalogue::{Group, RowSpec},
    error::BenchError,
    goal::Goal,
    report::Row,
    run::Findings,
};
use crate::{
    events::Event,
    flows::{Observer, PeerInfo, Request, Resolve, Settings},
    hubble::flow::FlowFilter,
    model::Identity,
};

const PIPELINE: &str = "flows-pipeline";

/// Pods that speak with each other.
const PODS: u16 = 1000;
/// Events that are read at once, and in one sample.
const BATCH: usize = 256;
const EVENTS: usize = 512 * BATCH;
const SAMPLES: usize = 9;

/// Returns the rows of this group.
pub(super) fn rows() -> Vec<RowSpec> {
    vec![RowSpec::new(
        PIPELINE,
        Group::Flows,
        "M/s",
        Goal::AtLeast(2.0),
        "events decoded, given their owners from a table, counted, stored and filtered, one core",
    )]
}

/// Measures the chosen rows of this group.
///
/// # Errors
/// When the run is cancelled.
pub(super) fn measure_all(rows: &[RowSpec], findings: &mut Findings<'_>) -> Result<(), BenchError> {
    let Some(spec) = rows.iter().find(|row| row.name == PIPELINE) else { return Ok(()) };
    findings.step("flows")?;
    let observer = Observer::new(Settings::new("default", "bench"), Arc::new(Owners::new()));
    let records = records();
    let samples: Vec<f64> = (0..SAMPLES).map(|_| rate(&observer, &records)).collect();
    findings.add(Row::absolute(spec, &samples));
    Ok(())
}

/// Returns how many million events a second go through, with one reader who looks for something else.
fn rate(observer: &Arc<Observer>, records: &[abi::Event]) -> f64 {
    let filter =
        FlowFilter { destination_pod: vec!["shop/nobody".into()], ..FlowFilter::default() };
    let request = Request { follow: true, allow: vec![filter], ..Request::default() };
    let mut reader = observer.subscribe(&request).expect("a filter that is valid");
    // The reader has a timer; nobody lets it run out.
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let start = Instant::now();
    for batch in records.chunks(BATCH) {
        observer.push(batch.iter().filter_map(|record| Event::decode(record).ok()));
        let found = reader.next().now_or_never();
        assert!(found.is_none(), "nobody is called so");
    }
    records.len() as f64 / start.elapsed().as_secs_f64() / 1e6
}

/// What a node sees: each connection opens, is judged and ends.
fn records() -> Vec<abi::Event> {
    let kinds = [
        (event_kind::TRACE, event_flags::NEW, 0x02),
        (event_kind::VERDICT, 0, 0x02),
        (event_kind::TRACE, 0, 0x12),
        (event_kind::TRACE, event_flags::CLOSE, 0x11),
    ];
    let event = |n: usize| {
        let (kind, flags, tcp_flags) = kinds[n % kinds.len()];
        let connection = n / kinds.len();
        let pod = |salt: usize| address((connection * salt) as u16 % PODS).into();
        abi::Event {
            time: n as u64 * 1000,
            src: pod(7),
            dst: pod(31),
            src_identity: 300,
            dst_identity: 301,
            sport: 32_768 + (connection % 28_000) as u16,
            dport: 8080,
            kind,
            flags,
            direction: Direction::Ingress as u8,
            observation: Observation::ToEndpoint as u8,
            proto: 6,
            tcp_flags,
            ip_version: 4,
            ether_type: 0x800,
            length: 66,
            ..abi::Event::default()
        }
    };
    (0..EVENTS).map(event).collect()
}

fn address(pod: u16) -> IpAddr {
    let [high, low] = pod.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

/// Owners of addresses, as an agent knows them.
struct Owners(HashMap<IpAddr, Arc<PeerInfo>>);

impl Owners {
    fn new() -> Self {
        let owner = |pod: u16| PeerInfo {
            identity: Some(Identity(300)),
            labels: vec![format!("k8s:app=app-{}", pod % 50), "k8s:team=shop".into()],
            namespace: "shop".into(),
            pod: format!("app-{}-{pod}", pod % 50),
            ..PeerInfo::default()
        };
        Self((0..PODS).map(|pod| (address(pod), Arc::new(owner(pod)))).collect())
    }
}

impl Resolve for Owners {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        self.0.get(&address).cloned()
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_are_stored() {
        let observer = Observer::new(Settings::new("default", "bench"), Arc::new(Owners::new()));
        let records = &records()[..4 * BATCH];
        assert!(rate(&observer, records) > 0.0);
        assert_eq!(observer.stats().seen, records.len() as u64);
    }
}
