//! What the programs themselves cost: time per packet and instructions that the verifier walks.

use std::net::IpAddr;

use super::{
    BenchError, NodeError, Options, Progress, StandalonePod,
    report::Row,
    stats::{Goal, median},
    topology::{Skep, Topology},
};
use crate::{
    kernel::{AttachMode, TestPacket},
    model::Family,
};

const GROUP: &str = "program";
const REPEAT: u32 = 200_000;
/// The kernel refuses programs over a million; a fifth leaves room for policies and services.
const INSTRUCTIONS: f64 = 200_000.0;
/// Nanoseconds of a packet of an open flow.
const FORWARD: f64 = 60.0;

/// Measures the chosen rows.
pub(super) fn run(options: &Options, progress: &mut Progress<'_>) -> Result<Vec<Row>, BenchError> {
    let families = [(Family::V4, "prog-run-v4"), (Family::V6, "prog-run-v6")];
    let timed: Vec<_> =
        families.into_iter().filter(|(_, name)| options.wants(name, GROUP)).collect();
    let counted = options.wants("instructions", GROUP);
    if timed.is_empty() && !counted {
        return Ok(Vec::new());
    }
    progress("running the programs by themselves");
    let skep = Skep::new(AttachMode::Auto)?;
    let mut rows = Vec::new();
    for (family, name) in timed {
        let nanos = forward(&skep, family, options.rounds)?;
        rows.push(Row::single((name.into(), GROUP, "ns"), nanos, Goal::AtMost(FORWARD)));
    }
    if counted {
        for program in skep.parts().0.datapath().programs() {
            let name = format!("instructions-{}", program.name);
            let count = f64::from(program.verified_instructions);
            let goal = Goal::AtMost(INSTRUCTIONS);
            rows.push(Row::single((name, GROUP, "verified instructions"), count, goal));
        }
    }
    Ok(rows)
}

/// Returns the time of a packet from one pod to the other when the flow is known.
fn forward(skep: &Skep, family: Family, rounds: usize) -> Result<f64, BenchError> {
    let (node, client, server) = skep.parts();
    let packet = TestPacket {
        data: datagram(client, server, family),
        ifindex: client.device.ifindex.0,
        ingress_ifindex: client.device.ifindex.0,
        repeat: REPEAT,
        ..TestPacket::default()
    };
    let times = (0..rounds)
        .map(|_| {
            let run = node
                .netns()
                .run(|| node.datapath().test_run("from_pod", &packet))
                .map_err(NodeError::from)?
                .map_err(|source| BenchError::Traffic {
                    row: "prog-run",
                    topology: skep.name(),
                    source,
                })?;
            Ok(run.duration.as_nanos() as f64)
        })
        .collect::<Result<Vec<_>, BenchError>>()?;
    Ok(median(&times))
}

/// A UDP datagram of 64 bytes with valid checksums, as the client's device would send it.
fn datagram(client: &StandalonePod, server: &StandalonePod, family: Family) -> Vec<u8> {
    const PAYLOAD: usize = 64;
    let length = u16::try_from(8 + PAYLOAD).expect("it is small");
    let mut packet = [client.device.host_mac.0, client.device.mac.0].concat();
    let ends: Vec<_> = client.addresses.iter().zip(server.addresses.iter()).collect();
    let mut pseudo = Vec::new();
    match ends.iter().find(|(from, _)| from.is_ipv4() == (family == Family::V4)) {
        Some((IpAddr::V4(from), IpAddr::V4(to))) => {
            packet.extend([0x08, 0x00]);
            let mut header = vec![0x45, 0];
            header.extend((20 + length).to_be_bytes());
            header.extend([0, 1, 0x40, 0, 64, 17, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(&header).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            packet.extend(header);
            pseudo.extend(from.octets());
            pseudo.extend(to.octets());
        }
        Some((IpAddr::V6(from), IpAddr::V6(to))) => {
            packet.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([17, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            pseudo.extend(from.octets());
            pseudo.extend(to.octets());
        }
        _ => {}
    }
    let mut datagram = [40_000_u16, 53, length, 0].map(u16::to_be_bytes).concat();
    datagram.resize(usize::from(length), 0);
    pseudo.extend([0, 17]);
    pseudo.extend(length.to_be_bytes());
    pseudo.extend(&datagram);
    let sum = checksum(&pseudo).to_be_bytes();
    datagram[6..8].copy_from_slice(&sum);
    packet.extend(datagram);
    packet
}

/// The internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("the carries are folded in")
}
