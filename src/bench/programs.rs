//! The programs by themselves: nanoseconds of a run, and what the verifier had to walk.

use std::{io, net::IpAddr};

use super::{
    catalogue::{Group, Ip, RowSpec},
    enforce::{Enforced, enforce},
    error::BenchError,
    goal::Goal,
    node::StandalonePod,
    packet::{ACK, End, SYN, tcp},
    rounds::{Schedule, Series, measure},
    topology::Node,
};
use crate::kernel::{Datapath, Direction, Hook, TestPacket, TestRun};

/// The kernel gives up on a program after this many.
const VERIFIER_LIMIT: f64 = 1_000_000.0;
/// Runs whose average the kernel returns; few enough that the time to live lasts.
const REPEAT: u32 = 32;
/// Averages of which the median is one value.
const AVERAGES: usize = 500;
/// TC_ACT_REDIRECT.
pub(super) const REDIRECTED: u32 = 7;
/// TC_ACT_SHOT.
pub(super) const DROPPED: u32 = 2;
const REQUESTER: u16 = 40_000;
const RESPONDER: u16 = 80;

/// Returns the rows of this group.
pub(super) fn rows() -> Vec<RowSpec> {
    let run = |ip| RowSpec {
        name: run_name(ip),
        group: Group::Program,
        unit: "ns",
        goal: Goal::AtMost(60.0),
        about: format!("one run of from_pod on a packet of an {ip} connection to a local pod"),
    };
    let verified = |program: &'static str| RowSpec {
        name: verified_name(program),
        group: Group::Program,
        unit: "instructions",
        goal: Goal::AtMost(VERIFIER_LIMIT),
        about: format!("instructions that the verifier walked in {program}"),
    };
    let enforced = |ip| RowSpec {
        name: enforced_name(ip),
        group: Group::Program,
        unit: "ns",
        goal: Goal::AtMost(1.05),
        about: format!("the same for {ip} with a policy in force on both pods, against none"),
    };
    let runs = Ip::ALL.into_iter().map(run).chain(Ip::ALL.into_iter().map(enforced));
    runs.chain(programs().map(verified)).collect()
}

fn programs() -> impl Iterator<Item = &'static str> {
    Hook::ALL.into_iter().flat_map(|hook| Direction::BOTH.map(|direction| hook.program(direction)))
}

/// Returns the name of the row about a run of `from_pod`.
pub(super) fn run_name(ip: Ip) -> String {
    format!("run-from-pod-{ip}")
}

/// Returns the name of the row about such a run with a policy in force.
pub(super) fn enforced_name(ip: Ip) -> String {
    format!("run-from-pod-policy-{ip}")
}

fn verified_name(program: &str) -> String {
    format!("verified-{}", program.replace('_', "-"))
}

/// Returns the verified instructions of each program, by the name of its row.
pub(super) fn verified(node: &Node) -> Vec<(String, f64)> {
    let programs = node.standalone().datapath().programs();
    programs
        .iter()
        .filter(|info| info.verified_instructions > 0)
        .map(|info| (verified_name(info.name), f64::from(info.verified_instructions)))
        .collect()
}

/// Runs `from_pod` on packets of one established connection between the node's two pods; returns
/// `values` medians in nanoseconds.
///
/// # Errors
/// When the kernel refuses, or the program does not forward the packet.
pub(super) fn run_from_pod(node: &Node, ip: Ip, values: usize) -> Result<Vec<f64>, BenchError> {
    let program = Hook::Pod.program(Direction::Ingress);
    let failed = |source| BenchError::Program { program, source };
    let [client, server] = node.pods();
    let (requester, responder) = (end(client, ip, REQUESTER), end(server, ip, RESPONDER));
    let forward = |pod: &StandalonePod, data: Vec<u8>, repeat| {
        let run = from_pod(node.standalone().datapath(), pod, data, repeat)?;
        if run.verdict != REDIRECTED {
            let said = format!("it returned {} instead of a redirect", run.verdict);
            return Err(io::Error::other(said));
        }
        Ok(run.duration.as_nanos() as f64)
    };
    let measure = || -> io::Result<Vec<f64>> {
        forward(client, tcp(requester, client.device.host_mac, responder, SYN, &[]), 1)?;
        forward(server, tcp(responder, server.device.host_mac, requester, SYN | ACK, &[]), 1)?;
        let segment = tcp(requester, client.device.host_mac, responder, ACK, &[1]);
        (0..values)
            .map(|_| {
                let mut averages = (0..AVERAGES)
                    .map(|_| forward(client, segment.clone(), REPEAT))
                    .collect::<io::Result<Vec<f64>>>()?;
                averages.sort_by(f64::total_cmp);
                Ok(averages[AVERAGES / 2])
            })
            .collect()
    };
    node.standalone()
        .netns()
        .run(measure)
        .map_err(|error| failed(io::Error::other(error)))?
        .map_err(failed)
}

/// Runs `from_pod` on packets of one established connection, in turn with no policy (subject 0) and
/// with one (subject 1).
///
/// # Errors
/// As [`run_from_pod`], and when a map refuses.
pub(super) fn run_with_policy(
    node: &Node,
    ip: Ip,
    schedule: Schedule,
) -> Result<Series, BenchError> {
    let program = Hook::Pod.program(Direction::Ingress);
    let put = |enforced| {
        enforce(node.standalone(), node.pods(), (enforced, RESPONDER))
            .map_err(|error| BenchError::Program { program, source: io::Error::other(error) })
    };
    let series = measure(schedule, 2, |subject| {
        put([Enforced::Nothing, Enforced::OnePort][subject])?;
        run_from_pod(node, ip, 1)
    });
    put(Enforced::Nothing)?;
    series
}

/// Runs `from_pod` on a packet of a pod, so many times; in the namespace of the node.
///
/// # Errors
/// When the kernel refuses the packet.
pub(super) fn from_pod(
    datapath: &Datapath,
    pod: &StandalonePod,
    data: Vec<u8>,
    repeat: u32,
) -> io::Result<TestRun> {
    let device = pod.device.ifindex.0;
    let packet = TestPacket { data, ifindex: device, ingress_ifindex: device, mark: 0, repeat };
    datapath.test_run(Hook::Pod.program(Direction::Ingress), &packet)
}

/// Returns a pod's end of a connection.
pub(super) fn end(pod: &StandalonePod, ip: Ip, port: u16) -> End {
    let address = match ip {
        Ip::V4 => pod.addresses.v4.map(IpAddr::V4),
        Ip::V6 => pod.addresses.v6.map(IpAddr::V6),
    };
    End { mac: pod.device.mac, address: address.expect("pods have both families"), port }
}
