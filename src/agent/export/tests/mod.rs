//! Exports of flows, to files and to collectors.

mod collectors;
mod files;
mod plans;
mod told;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use skep_bpf::abi::{self, Observation, event_kind};

use super::plan::{Rotation, Target};
use crate::{
    events::Event,
    flows::{Observer, Strangers},
};

fn rotation(path: PathBuf, max_bytes: u64, backups: usize, compress: bool) -> Target {
    Target::File(Rotation { path, max_bytes, backups, compress })
}

fn event(port: u16) -> Event {
    let address = |last| IpAddr::from([10, 0, 0, last]).into();
    let record = abi::Event {
        kind: event_kind::TRACE,
        observation: Observation::ToEndpoint as u8,
        ip_version: 4,
        proto: 17,
        src: address(1),
        dst: address(2),
        dport: port,
        ..abi::Event::default()
    };
    Event::decode(&record).expect("a record")
}

/// Pushes flows until the file has one of them.
async fn has(observer: &Observer, path: &Path, port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while !fs::read_to_string(path).unwrap_or_default().contains(&format!("port\":{port}")) {
        assert!(Instant::now() < end, "{} gets flows to port {port}", path.display());
        observer.push([event(port)]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
