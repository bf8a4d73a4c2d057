//! Whether events are lost when there are very many: real programs fill the real buffer.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    bench::{
        catalogue::{Group, RowSpec},
        error::BenchError,
        flows::Owners,
        goal::Goal,
        packet::{End, SYN, tcp},
        report::Row,
        run::{Findings, Options},
        topology::{self, Node, Watched},
        worker::pin_to_last_cpu,
    },
    flows::{Observer, Settings},
    kernel::{Direction, Hook, TestPacket},
};

const LOSS: &str = "observe-loss";
const NAME: &str = "skep, flooded";

/// Packets a turn, each of which is dropped and told, and how long a turn is: 500,000 a second.
const BURST: u32 = 500;
const TURN: Duration = Duration::from_millis(1);
const TURNS: u32 = 2000;
const SAMPLES: usize = 3;
/// How long the reader may take for what is still in the buffer.
const PATIENCE: Duration = Duration::from_secs(5);
/// TC_ACT_SHOT.
const DROPPED: u32 = 2;

/// Returns the row.
pub(super) fn row() -> RowSpec {
    RowSpec::new(
        LOSS,
        Group::Observe,
        "%",
        Goal::AtMost(0.0),
        "events lost on the way to the store, of 500,000 dropped packets a second",
    )
}

/// Measures it, if it is chosen.
///
/// # Errors
/// When the kernel refuses, or the run is cancelled.
pub(super) fn measure(options: &Options, findings: &mut Findings<'_>) -> Result<(), BenchError> {
    let Some(spec) = options.rows.iter().find(|row| row.name == LOSS) else { return Ok(()) };
    let observer = Observer::new(Settings::new("default", "bench"), Arc::new(Owners::new()));
    let watched = Watched::Stored(Arc::clone(&observer));
    let topology = topology::skep(NAME, &options.program, watched)
        .map_err(|source| BenchError::Topology { name: NAME, source })?;
    let Some(node) = topology.node() else { return Ok(()) };
    let mut lost = Vec::new();
    for _ in 0..SAMPLES {
        findings.step("500,000 events a second")?;
        lost.push(flood(node, &observer)?);
    }
    findings.add(Row::absolute(spec, &lost));
    Ok(())
}

/// Returns how many percent of the events never came to the store.
fn flood(node: &Node, observer: &Observer) -> Result<f64, BenchError> {
    let program = Hook::Pod.program(Direction::Ingress);
    let failed = |source| BenchError::Program { program, source };
    let before = observer.stats().seen;
    let runs = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            // The reader has the other one.
            pin_to_last_cpu()?;
            node.standalone().netns().run(|| send(node, program)).map_err(io::Error::other)?
        });
        sender.join().unwrap_or_else(|_| Err(io::Error::other("the sender panicked")))
    });
    let sent = u64::from(runs.map_err(failed)?);
    let end = Instant::now() + PATIENCE;
    let seen = || observer.stats().seen - before;
    while seen() < sent && Instant::now() < end {
        thread::sleep(TURN);
    }
    Ok(100.0 * sent.saturating_sub(seen()) as f64 / sent as f64)
}

/// Has a pod send packets with an address that is not its own; returns how many.
fn send(node: &Node, program: &'static str) -> io::Result<u32> {
    let [client, server] = node.pods();
    let ends = client.addresses.v4.zip(server.addresses.v4);
    let (own, other) = ends.ok_or_else(|| io::Error::other("pods have no IPv4 addresses"))?;
    let stranger = std::net::Ipv4Addr::from(u32::from(own) + 1000);
    let from = End { mac: client.device.mac, address: stranger.into(), port: 40_000 };
    let to = End { mac: server.device.mac, address: other.into(), port: 80 };
    let ifindex = client.device.ifindex.0;
    let data = tcp(from, client.device.host_mac, to, SYN, &[]);
    let packet = TestPacket { data, ifindex, ingress_ifindex: ifindex, mark: 0, repeat: BURST };
    let start = Instant::now();
    for turn in 0..TURNS {
        if let Some(left) = (TURN * turn).checked_sub(start.elapsed()) {
            thread::sleep(left);
        }
        let run = node.standalone().datapath().test_run(program, &packet)?;
        if run.verdict != DROPPED {
            let said = format!("it returned {} instead of a drop", run.verdict);
            return Err(io::Error::other(said));
        }
    }
    Ok(TURNS * BURST)
}
