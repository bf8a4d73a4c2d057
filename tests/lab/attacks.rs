//! A pod with a packet socket: what it forges is dropped, counted and shown.

use std::net::{IpAddr, Ipv6Addr};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use skep::{cni::record::RecordStore, model::MacAddr};
use skep_bpf::abi::DropReason;
use tokio::runtime::Runtime;

use super::{
    evidence::{Counters, assert_dropped, drops_since, wait_for},
    forgeries::{self, Forgery, MARKER, Scene},
    lab::{Lab, text},
    pods::{addresses, echoes, netns, node, nodes, pods},
    wire::{Wire, frames::Frame},
};

/// How often each forged frame is sent.
const TIMES: u64 = 3;

/// A lab with an attacker and those who must not hear of it.
struct Stage {
    lab: Lab,
    attacker: Pod,
    node: String,
    wire: Wire,
    victims: Vec<(String, Wire)>,
    servers: Vec<IpAddr>,
    scene: Scene,
}

fn stage(name: &str, args: &[&str]) -> Stage {
    let lab = Lab::up(name, args);
    let runtime = Runtime::new().expect("a runtime");
    let attacker = runtime.block_on(pods(&lab, "frontend")).remove(0);
    let servers = runtime.block_on(pods(&lab, "api"));
    let node = node(&attacker);
    let (near, far): (Vec<_>, Vec<_>) =
        servers.iter().partition(|pod| super::pods::node(pod) == node);
    let nodes = runtime.block_on(nodes(&lab));
    let (own, others): (Vec<_>, Vec<_>) = nodes.into_iter().partition(|(name, _)| *name == node);
    let records = RecordStore::open(&lab.dir().join(&node).join("run/lab/state")).expect("records");
    let records = records.read_all().expect("they are read");
    let address = addresses(&attacker)[0];
    let record = records
        .into_iter()
        .find(|one| one.addresses.iter().any(|own| own == address))
        .expect("its own");
    let scene = Scene {
        own: addresses(&attacker),
        mac: record.mac.0,
        gateway: record.host_mac.0,
        near: addresses(near[0]),
        far: addresses(far[0]),
        node: own[0].1.clone(),
        other_node: others[0].1.clone(),
    };
    let wire = Wire::open(&netns(&lab, &attacker), "eth0");
    assert_eq!(MacAddr(wire.mac()), record.mac);
    let victims = [near[0], far[0]];
    let victims =
        victims.map(|pod| (super::pods::node(pod), Wire::open(&netns(&lab, pod), "eth0")));
    let servers = servers.iter().flat_map(addresses).collect();
    Stage { lab, attacker, node, wire, victims: victims.into(), servers, scene }
}

impl Stage {
    /// Sends a forged frame and looks for its traces.
    fn try_out(&self, forgery: &Forgery) {
        let Forgery { name, frame, reason } = forgery;
        let sender = MacAddr(frame[6..12].try_into().expect("six bytes"));
        assert_dropped(
            (&self.lab, &self.node),
            (name, *reason, TIMES),
            || (0..TIMES).for_each(|_| self.wire.send(frame)),
            |flow| {
                flow.ethernet.as_ref().is_some_and(|ethernet| ethernet.source == sender.to_string())
            },
        );
        for (place, victim) in &self.victims {
            assert_eq!(victim.heard(MARKER), 0, "{name}: heard by a pod of {place}");
        }
    }

    /// Tells what the node knows of its neighbours and routes for good.
    fn tables(&self) -> String {
        let command = "ip neigh show nud permanent | sort; ip route; ip -6 route; ip -6 addr";
        text(&self.lab.exec(&self.node, &["sh", "-c", command]))
    }

    /// The pod's own traffic is not affected, to anywhere; and victims would hear what is forged.
    fn legitimate_traffic_works(&self) {
        for to in self.scene.near.iter().chain(&self.scene.far) {
            let own = self.scene.own.iter().find(|own| own.is_ipv4() == to.is_ipv4());
            let mut frame = Frame::echo(*own.expect("both families"), *to, 78, false);
            frame.body.extend_from_slice(MARKER);
            self.wire
                .send(&frame.summed().sent_by(self.scene.mac).sent_to(self.scene.gateway).bytes());
        }
        for (place, victim) in &self.victims {
            let mut heard = 0;
            let listen = || {
                heard += victim.heard(MARKER);
                heard
            };
            // Each request and each reply.
            wait_for(place, listen, |heard| *heard == 4);
        }
        for server in &self.servers {
            echoes(&netns(&self.lab, &self.attacker), *server);
        }
    }
}

fn forged_frames_are_dropped(name: &str, args: &[&str]) {
    let stage = stage(name, args);
    stage.legitimate_traffic_works();
    let tables = stage.tables();
    let forgeries = forgeries::all(&stage.scene);
    for forgery in &forgeries {
        stage.try_out(forgery);
    }
    assert_eq!(stage.tables(), tables, "the node believed something");
    stage.legitimate_traffic_works();
    let mut reasons: Vec<_> = forgeries.iter().map(|one| one.reason.name()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    println!("{name}: {} forgeries dropped: {}", forgeries.len(), reasons.join(", "));
}

#[test]
#[ignore = "needs root"]
fn what_a_pod_forges_is_dropped_counted_and_shown() {
    forged_frames_are_dropped("attack-vxlan", &[]);
}

#[test]
#[ignore = "needs root"]
fn what_a_pod_forges_is_dropped_with_native_routing_too() {
    forged_frames_are_dropped("attack-native", &["--routing", "native"]);
}

#[test]
#[ignore = "needs root"]
fn every_truncation_of_a_packet_is_dropped_and_counted() {
    let stage = stage("truncated", &[]);
    let mut sent = 0;
    for whole in forgeries::legitimate(&stage.scene) {
        let whole = whole.bytes();
        let (before, since) = (Counters::read(&stage.lab, &stage.node), Timestamp::now());
        let cuts = 14..whole.len();
        for length in cuts.clone() {
            stage.wire.send(&whole[..length]);
        }
        let count = cuts.len() as u64;
        let what = format!("{count} truncations of {whole:02x?}");
        let look = || Counters::read(&stage.lab, &stage.node).drops() - before.drops();
        let drops = wait_for(&what, look, |drops| *drops >= count);
        assert_eq!(drops, count, "{what}");
        let shown = || drops_since(&stage.lab, &stage.node, since).len() as u64;
        wait_for(&what, shown, |shown| *shown >= count);
        sent += count;
    }
    for (place, victim) in &stage.victims {
        assert_eq!(victim.heard(MARKER), 0, "heard by a pod of {place}");
    }
    stage.legitimate_traffic_works();
    println!("{sent} truncated frames: all dropped, counted and shown");
}

#[test]
#[ignore = "needs root"]
fn the_gateway_answers_for_itself_and_for_nobody_else() {
    let stage = stage("gateway", &[]);
    let scene = &stage.scene;
    let (v4, v6) = (scene.own[0], scene.own[1]);
    let gateway: Ipv6Addr = "fe80::1".parse().expect("an address");
    // The neighbour option at the end has the asker's address, the answer has the gateway's.
    let answer = |mac: [u8; 6]| [&[2, 1][..], &mac].concat();
    stage.wire.send(&forgeries::solicitation(scene, v6, gateway));
    let heard = || stage.wire.heard(&answer(scene.gateway));
    wait_for("the gateway's advertisement", heard, |count| *count > 0);
    stage.wire.send(&forgeries::arp(scene, 1, (scene.mac, v4), [169, 254, 1, 1].into()));
    let reply = [&[0, 2][..], &scene.gateway, &[169, 254, 1, 1]].concat();
    wait_for("the gateway's reply", || stage.wire.heard(&reply), |count| *count > 0);
    let before = Counters::read(&stage.lab, &stage.node);
    stage.wire.send(&forgeries::arp(scene, 1, (scene.mac, v4), scene.near[0]));
    let look = || Counters::read(&stage.lab, &stage.node);
    let invalid = DropReason::InvalidPacket.name();
    wait_for("a question for another pod", look, |now| now.of(invalid) > before.of(invalid));
    let IpAddr::V6(near) = scene.near[1] else { panic!("IPv6 comes second") };
    stage.wire.send(&forgeries::solicitation(scene, v6, near));
    let noise = "LINK_NOISE_IGNORED";
    wait_for("a solicitation for another pod", look, |now| now.of(noise) > before.of(noise));
    assert_eq!(stage.wire.heard(&answer(scene.gateway)), 0, "answered for another pod");
    println!("the gateway answered ARP and solicitations for itself only");
}
