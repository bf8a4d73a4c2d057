//! Parts die; traffic and state do not.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    lab::{Lab, eventually},
    pods::{addresses, netns, node, pods},
};

/// The shop's UDP port.
const STATS: u16 = 8125;
/// Datagrams under way at a time. A socket's buffer holds 92 that came over the overlay: if more were lost,
/// that would tell how busy their reader is, and nothing about the network.
const UNDER_WAY: u32 = 64;

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("the process is there");
}

/// A socket in a pod's network namespace.
fn socket_in(lab: &Lab, pod: &Pod, family: &IpAddr) -> UdpSocket {
    let any: SocketAddr =
        if family.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("any");
    netns(lab, pod).run(|| UdpSocket::bind(any)).expect("entered").expect("bound")
}

/// A running stream of datagrams to an echo server.
pub(crate) struct Stream {
    socket: UdpSocket,
    pub(crate) sent: u32,
    pub(crate) received: u32,
}

impl Stream {
    pub(crate) fn start(lab: &Lab, from: &Pod, to: IpAddr) -> Self {
        let socket = socket_in(lab, from, &to);
        socket.connect((to, STATS)).expect("connected");
        socket.set_nonblocking(true).expect("set");
        Self { socket, sent: 0, received: 0 }
    }

    /// Sends the next one, unless so many are under way to somebody who answers.
    fn send(&mut self) {
        self.receive();
        if self.received > 0 && self.sent - self.received >= UNDER_WAY {
            return;
        }
        self.socket.send(&self.sent.to_be_bytes()).expect("sent");
        self.sent += 1;
        self.receive();
    }

    fn receive(&mut self) {
        let mut buffer = [0; 16];
        while self.socket.recv(&mut buffer).is_ok() {
            self.received += 1;
        }
    }
}

/// Sends on every stream, `pace` apart or later, for a while.
pub(crate) fn run(streams: &mut [Stream], pace: Duration, time: Duration) {
    let begun = Instant::now();
    let mut next = begun;
    while begun.elapsed() < time {
        streams.iter_mut().for_each(Stream::send);
        // What was missed is not made up for: nobody sends in bursts.
        next = Instant::now().max(next + pace);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Waits for the last answers; returns how many are missing.
pub(crate) fn lost(streams: &mut [Stream]) -> Vec<u32> {
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end && streams.iter().any(|stream| stream.received < stream.sent) {
        streams.iter_mut().for_each(Stream::receive);
        std::thread::sleep(Duration::from_millis(5));
    }
    streams.iter().map(|stream| stream.sent - stream.received).collect()
}

/// Streams from one pod to servers on its own node and on another, by both families.
async fn streams(lab: &Lab) -> Vec<Stream> {
    let clients = pods(lab, "frontend").await;
    let servers = pods(lab, "api").await;
    let mut streams = Vec::new();
    for server in &servers {
        for address in addresses(server) {
            streams.push(Stream::start(lab, &clients[0], address));
        }
    }
    let nodes: Vec<_> = servers.iter().map(node).collect();
    assert!(
        nodes.contains(&node(&clients[0])) && nodes.iter().any(|one| *one != node(&clients[0]))
    );
    streams
}

#[test]
#[ignore = "needs root"]
fn agents_killed_under_load_lose_no_packet() {
    let lab = Lab::up("agents", &[]);
    let runtime = Runtime::new().expect("a runtime");
    let mut streams = runtime.block_on(streams(&lab));
    run(&mut streams, Duration::from_millis(1), Duration::from_secs(1));
    let agents = lab.processes(&["skep agent"]);
    assert_eq!(agents.len(), 3);
    for agent in &agents {
        signal(*agent, Signal::SIGKILL);
    }
    run(&mut streams, Duration::from_millis(1), Duration::from_secs(6));
    let again = lab.processes(&["skep agent"]);
    assert!(again.len() == 3 && again.iter().all(|pid| !agents.contains(pid)), "{again:?}");
    let sent: u32 = streams.iter().map(|stream| stream.sent).sum();
    let lost = lost(&mut streams);
    println!("agents killed: {sent} datagrams sent, lost {lost:?}");
    assert!(lost.iter().all(|lost| *lost == 0), "lost {lost:?} of {sent}");
    // Agents that came back serve new pods.
    runtime.block_on(scale(&lab, "api", 5));
}

#[test]
#[ignore = "needs root"]
fn traffic_goes_on_while_the_api_server_is_away_and_changes_arrive_after() {
    let lab = Lab::up("api-away", &[]);
    let runtime = Runtime::new().expect("a runtime");
    let mut streams = runtime.block_on(streams(&lab));
    let [server] = lab.processes(&["lab serve"])[..] else { panic!("one process") };
    signal(server, Signal::SIGSTOP);
    run(&mut streams, Duration::from_millis(5), Duration::from_secs(30));
    signal(server, Signal::SIGCONT);
    let sent: u32 = streams.iter().map(|stream| stream.sent).sum();
    let lost = lost(&mut streams);
    println!("API server away: {sent} datagrams sent, lost {lost:?}");
    assert!(lost.iter().all(|lost| *lost == 0), "lost {lost:?} of {sent}");
    runtime.block_on(scale(&lab, "api", 5));
}

#[test]
#[ignore = "needs root"]
fn plugins_killed_half_way_leave_every_pod_with_an_address_of_its_own() {
    let lab = Lab::up("plugins", &["--nodes", "2"]);
    let runtime = Runtime::new().expect("a runtime");
    let killer = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let (mut killed, begun) = (0, Instant::now());
            while killed < 10 && begun.elapsed() < Duration::from_secs(20) {
                for pid in lab.processes(&["cni/bin/skep-cni"]) {
                    killed += u32::from(kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok());
                }
            }
            killed
        });
        runtime.block_on(scale(&lab, "api", 16));
        killer.join().expect("the killer ends")
    });
    println!("plugins killed: {killer}");
    runtime.block_on(async {
        scale(&lab, "api", 16).await;
        let mut all: Vec<IpAddr> = Vec::new();
        for app in ["api", "frontend", "database", "collector"] {
            all.extend(pods(&lab, app).await.iter().flat_map(addresses));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "an address was given twice");
        scale(&lab, "api", 1).await;
    });
}

/// Scales a deployment and waits until so many pods are ready, and no others are there.
async fn scale(lab: &Lab, name: &str, replicas: usize) {
    let api: Api<Deployment> = Api::namespaced(lab.client().await, "shop");
    let patch = json!({ "spec": { "replicas": replicas } });
    let scale =
        || async { api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.ok() };
    eventually("the deployment is scaled", scale).await;
    eventually("the pods are ready", || async {
        let pods = pods(lab, name).await;
        let ready = pods.iter().filter(|pod| {
            let status = pod.status.clone().unwrap_or_default();
            let mut conditions = status.conditions.into_iter().flatten();
            conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        (ready.count() == replicas && pods.len() == replicas).then_some(())
    })
    .await;
}
