//! Closed ports say so at once, wherever they are.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use skep::kernel::NetNs;
use tokio::runtime::Runtime;

use super::{
    lab::Lab,
    pods::{addresses, netns, node, nodes, pods},
};

/// Nobody listens on it.
const CLOSED: u16 = 81;
/// Answers that take longer were not sent at once, but after a retransmission (1 s).
const AT_ONCE: Duration = Duration::from_millis(900);
/// When to give up.
const PATIENCE: Duration = Duration::from_secs(5);
/// The world's servers.
const WORLD: [&str; 2] = ["198.51.100.10", "2001:db8:1::10"];

/// Connects from a namespace; returns how it ended and after what time.
fn knock(netns: &NetNs, to: IpAddr) -> (io::Result<TcpStream>, Duration) {
    let address = SocketAddr::new(to, CLOSED);
    netns
        .run(|| {
            let begun = Instant::now();
            (TcpStream::connect_timeout(&address, PATIENCE), begun.elapsed())
        })
        .expect("entered")
}

/// What is tried from the pod, one of each family per place.
async fn targets(lab: &Lab, own: &str) -> Vec<(&'static str, IpAddr)> {
    let mut targets = Vec::new();
    for server in &pods(lab, "api").await {
        let place = if node(server) == own { "a pod of its node" } else { "a pod of another node" };
        targets.extend(addresses(server).into_iter().map(|address| (place, address)));
    }
    for (name, addresses) in nodes(lab).await {
        let place = if name == own { "its node" } else { "another node" };
        targets.extend(addresses.into_iter().map(|address| (place, address)));
    }
    targets.extend(WORLD.map(|address| ("the world", address.parse().expect("an address"))));
    targets
}

fn everyone_refuses(name: &str, args: &[&str]) {
    let lab = Lab::up(name, args);
    let runtime = Runtime::new().expect("a runtime");
    let client = runtime.block_on(pods(&lab, "frontend")).remove(0);
    let targets = runtime.block_on(targets(&lab, &node(&client)));
    for place in
        ["a pod of its node", "a pod of another node", "its node", "another node", "the world"]
    {
        for v6 in [false, true] {
            let tried = targets.iter().any(|(at, to)| *at == place && to.is_ipv6() == v6);
            assert!(tried, "nothing to try at {place}, IPv6: {v6}");
        }
    }
    let netns = netns(&lab, &client);
    let (mut slowest, mut failures) = (Duration::ZERO, Vec::new());
    for (place, to) in &targets {
        let (result, took) = knock(&netns, *to);
        slowest = slowest.max(took);
        match result {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && took < AT_ONCE => {}
            other => failures.push(format!("{place} {to}: {other:?} after {took:?}")),
        }
    }
    println!("{name}: {} closed ports, slowest refusal {slowest:?}", targets.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
#[ignore = "needs root"]
fn closed_ports_are_refused_at_once_over_the_overlay() {
    everyone_refuses("refused-vxlan", &[]);
}

#[test]
#[ignore = "needs root"]
fn closed_ports_are_refused_at_once_with_native_routing() {
    everyone_refuses("refused-native", &["--routing", "native"]);
}
