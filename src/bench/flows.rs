//! The row about flows: what an event takes from the ring buffer's bytes to the store and a reader's filter.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use foldhash::fast::RandomState;
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
    hubble::flow::{FlowFilter, Service},
    model::Identity,
};

const PIPELINE: &str = "flows-pipeline";

/// Pods that speak with each other.
const PODS: u16 = 1000;
/// Events that are read at once, and in one sample.
const BATCH: usize = 256;
const EVENTS: usize = 512 * BATCH;
/// The service that some connections are with.
const SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));
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

/// What a node sees: each connection opens, is judged and ends; one of four is with a service.
pub(super) fn records() -> Vec<abi::Event> {
    (0..).flat_map(connection).take(EVENTS).collect()
}

fn connection(number: usize) -> impl Iterator<Item = abi::Event> {
    let pod = |salt: usize| address((number * salt) as u16 % PODS).into();
    let packet = abi::Event {
        time: number as u64 * 4000,
        src: pod(7),
        dst: pod(31),
        src_identity: 300,
        dst_identity: 301,
        sport: 32_768 + (number % 28_000) as u16,
        dport: 8080,
        direction: Direction::Ingress as u8,
        observation: Observation::ToEndpoint as u8,
        proto: 6,
        ip_version: 4,
        ether_type: 0x800,
        length: 66,
        ..abi::Event::default()
    };
    let socket = abi::Event {
        kind: event_kind::SOCKET,
        service: SERVICE.into(),
        service_port: 80,
        sport: 0,
        ..packet
    };
    let packets = [
        (event_kind::TRACE, event_flags::NEW, 0x02),
        (event_kind::VERDICT, 0, 0x02),
        (event_kind::TRACE, 0, 0x12),
        (event_kind::TRACE, event_flags::CLOSE, 0x11),
    ];
    let packets =
        packets.map(|(kind, flags, tcp_flags)| abi::Event { kind, flags, tcp_flags, ..packet });
    number.is_multiple_of(4).then_some(socket).into_iter().chain(packets)
}

fn address(pod: u16) -> IpAddr {
    let [high, low] = pod.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

/// Owners of addresses, as an agent knows them.
pub(super) struct Owners {
    pods: HashMap<IpAddr, Arc<PeerInfo>, RandomState>,
    service: Arc<Service>,
}

impl Owners {
    pub(super) fn new() -> Self {
        let owner = |pod: u16| PeerInfo {
            identity: Some(Identity(300)),
            labels: vec![format!("k8s:app=app-{}", pod % 50), "k8s:team=shop".into()],
            namespace: "shop".into(),
            pod: format!("app-{}-{pod}", pod % 50),
            ..PeerInfo::default()
        };
        let pods = (0..PODS).map(|pod| (address(pod), Arc::new(owner(pod)))).collect();
        let service = Service { name: "app".into(), namespace: "shop".into() };
        Self { pods, service: Arc::new(service) }
    }
}

impl Resolve for Owners {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        self.pods.get(&address).cloned()
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }

    fn service(&self, address: IpAddr, _: u16, _: u8) -> Option<Arc<Service>> {
        (address == SERVICE).then(|| Arc::clone(&self.service))
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
