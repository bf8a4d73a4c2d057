//! Blocks, segments, and readers of both.

mod damage;
mod seam;
mod store;
mod summary;

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use super::{HistorySettings, keep::Portion};
use crate::{
    events::{Direction, Event, EventKind, L4, Observation, Peer, Totals},
    flows::{Observed, Observer, Request, Settings, Strangers, SubscribeError},
    hubble::flow::Flow,
    model::{DropReason, Identity, IfIndex, MacAddr},
};

/// What became of a packet, and how many flows tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Forwarded,
    Dropped,
    /// A verdict and a drop.
    Denied,
}

impl Fate {
    const fn flows(self) -> usize {
        if matches!(self, Self::Denied) { 2 } else { 1 }
    }
}

/// A packet of its own number, seen so many seconds after boot: clocks that are read again do not change the order.
fn event(number: u32, seconds: u64, fate: Fate) -> Event {
    let end = |address: [u8; 4], port| Peer {
        address: Some(address.into()),
        port: Some(port),
        identity: Identity(2),
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
    };
    let [_, high, ports @ ..] = number.to_be_bytes();
    Event {
        time: Duration::from_secs(seconds),
        kind: match fate {
            Fate::Forwarded => EventKind::Open,
            Fate::Dropped => EventKind::Drop(DropReason::InvalidSourceIp),
            Fate::Denied => EventKind::Drop(DropReason::PolicyDenied),
        },
        observation: Observation::ToEndpoint,
        direction: Direction::Ingress,
        source: end([10, 1, 1, high], u16::from_be_bytes(ports)),
        destination: end([10, 1, 2, 1], 53),
        translated_source: None,
        service: None,
        l4: Some(L4::Udp),
        ip_version: Some(4),
        ether_type: 0x0800,
        reply: Some(false),
        related: false,
        endpoint: None,
        device: IfIndex(3),
        length: 60,
        rule: None,
        vni: None,
        totals: Totals::default(),
    }
}

/// Returns the number of the packet that a flow tells of.
fn number(flow: &Flow) -> u32 {
    let high = match flow.addresses().expect("both are known").0 {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => panic!("there are none"),
    };
    u32::from(high) << 16 | flow.ports().expect("it is UDP").0
}

/// An observer with a ring of few records: six that went on and two that did not.
fn observer(dir: &Path, budget: u64) -> Arc<Observer> {
    let mut settings = Settings::new("default", "n1");
    settings.max_records = 8;
    settings.history = Some(HistorySettings { dir: dir.to_owned(), budget });
    Observer::new(settings, Arc::new(Strangers))
}

fn write(observer: &Observer, portion: Portion) {
    observer.history().expect("it has one").write(observer, portion);
}

/// Returns all stored flows that are asked for, and how many were lost.
async fn read(
    observer: &Arc<Observer>,
    request: &Request,
) -> Result<(Vec<Flow>, u64), SubscribeError> {
    let mut subscription = observer.subscribe(request)?;
    let (mut flows, mut lost) = (Vec::new(), 0);
    while let Some(observed) = subscription.next().await {
        match observed {
            Observed::Flow(flow) => flows.push(*flow),
            Observed::Lost(event) => lost += event.num_events_lost,
        }
    }
    Ok((flows, lost))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}
