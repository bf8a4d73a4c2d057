//! A host on the nodes' network: what it forges is dropped by the node that receives it.

use std::net::IpAddr;

use skep::{
    hubble::flow::Flow,
    kernel::{NetNs, Netlink, VethSpec},
};
use skep_bpf::abi::{DropReason, identity};
use tokio::runtime::Runtime;

use super::{
    evidence::{assert_dropped, wait_for},
    forgeries::{MARKER, OVERLAY, encapsulated, udp},
    lab::Lab,
    pods::{addresses, echoes, netns, node, nodes, pods},
    wire::{Wire, frames::Frame},
};

/// How often each forged frame is sent.
const TIMES: u64 = 3;
/// The stranger's addresses on the nodes' network.
const STRANGER: [&str; 2] = ["172.31.0.250", "fd31::250"];

/// Addresses of a node and of a pod on it, IPv4 first.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    node: Vec<IpAddr>,
    pod: Vec<IpAddr>,
}

/// A lab with a stranger on the bridge.
struct Stage {
    lab: Lab,
    wire: Wire,
    /// The node that is attacked, and a pod there that listens.
    victim: Place,
    ear: Wire,
    mac: [u8; 6],
    others: Vec<Place>,
    /// A pod on another node.
    friend: NetNs,
}

fn stage(name: &str, args: &[&str]) -> Stage {
    let lab = Lab::up(name, args);
    let runtime = Runtime::new().expect("a runtime");
    let servers = runtime.block_on(pods(&lab, "api"));
    let nodes = runtime.block_on(nodes(&lab));
    let place = |pod| {
        let name = node(pod);
        let node = nodes.iter().find(|(other, _)| *other == name).expect("its node").1.clone();
        Place { name, node, pod: addresses(pod) }
    };
    let (victim, others) = (place(&servers[0]), servers[1..].iter().map(place).collect());
    let own = NetNs::open(lab.dir().join(&victim.name).join("net")).expect("the node's namespace");
    let uplink = Netlink::open_in(&own).and_then(|own| own.link_by_name("eth0")).expect("a link");
    Stage {
        wire: plug_in(&lab),
        ear: Wire::open(&netns(&lab, &servers[0]), "eth0"),
        friend: netns(&lab, &servers[1]),
        mac: uplink.mac.expect("an Ethernet device").0,
        victim,
        others,
        lab,
    }
}

/// Puts a stranger on the bridge between the nodes; it goes with its socket.
fn plug_in(lab: &Lab) -> Wire {
    let stranger = NetNs::anonymous().expect("a namespace");
    let fabric = NetNs::open(lab.dir().join("fabric/net")).expect("the fabric");
    let fabric = Netlink::open_in(&fabric).expect("the fabric's netlink");
    let spec = VethSpec {
        name: "stranger",
        mac: None,
        peer_name: "eth0",
        peer_mac: None,
        peer_netns: Some(&stranger),
        mtu: 1500,
    };
    fabric.create_veth_pair(&spec).expect("a cable");
    let port = fabric.link_by_name("stranger").expect("the bridge's end").index;
    let bridge = fabric.link_by_name("underlay").expect("the bridge").index;
    fabric.set_master(port, bridge).expect("plugged in");
    fabric.set_up(port).expect("up");
    let inside = Netlink::open_in(&stranger).expect("the stranger's netlink");
    inside.set_up(inside.link_by_name("eth0").expect("its end").index).expect("up");
    Wire::open(&stranger, "eth0")
}

/// What the stranger sends, who it claims to be, and what becomes of it.
type Forgery = (String, Frame, IpAddr, DropReason);

impl Stage {
    /// Packets from pods' addresses, and from the node's own, without the overlay.
    fn plain(&self, sources: &[&Place]) -> Vec<Forgery> {
        let mut list = Vec::new();
        for family in [0, 1] {
            let own = [self.victim.node[family]];
            let pods = sources.iter().map(|source| source.pod[family]);
            for from in own.into_iter().chain(pods) {
                for to in [self.victim.pod[family], self.victim.node[family]] {
                    let name = format!("from {from} to {to} of {}", self.victim.name);
                    list.push((name, udp(from, to), from, DropReason::InvalidSourceIp));
                }
            }
        }
        list
    }

    /// Packets in the overlay, of each family in each family.
    fn overlay(&self) -> Vec<Forgery> {
        use DropReason::{InvalidSourceIp, InvalidVni, StaleAddress, UnknownSender, UnknownTarget};
        let (own, known, third) = (&self.victim, &self.others[0], &self.others[1]);
        let (pod, host) = (identity::FIRST_CLUSTER, identity::HOST);
        let (remote, world_v4) = (identity::REMOTE_NODE, identity::WORLD_V4);
        let both = |texts: [&str; 2]| texts.map(|text| text.parse::<IpAddr>().expect("one"));
        let (world, strangers) = (both(["198.51.100.10", "2001:db8:1::10"]), both(STRANGER));
        let nobody = self.nobody();
        let mut list = Vec::new();
        for (outer, inner) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (stranger, node, to) = (strangers[outer], known.node[outer], own.pod[inner]);
            let cases = [
                ("an unknown sender", stranger, known.pod[inner], pod, to, UnknownSender),
                ("a pod of a third node", node, third.pod[inner], pod, to, UnknownSender),
                ("a third node", node, third.node[inner], remote, to, UnknownSender),
                ("a pod of the node itself", node, own.pod[inner], pod, to, UnknownSender),
                ("the node itself", node, own.node[inner], host, to, UnknownSender),
                ("the world", node, world[inner], world_v4, to, InvalidSourceIp),
                ("a pod as host", node, known.pod[inner], host, to, InvalidVni),
                ("a pod as world", node, known.pod[inner], world_v4, to, InvalidVni),
                ("a node as pod", node, known.node[inner], pod, to, InvalidVni),
                ("a node as host", node, known.node[inner], host, to, InvalidVni),
                ("to another node", node, known.pod[inner], pod, third.pod[inner], UnknownTarget),
                ("to the world", node, known.pod[inner], pod, world[inner], UnknownTarget),
                ("to nobody", node, known.pod[inner], pod, nobody[inner], StaleAddress),
            ];
            for (who, from, source, vni, to, reason) in cases {
                let packet = encapsulated(vni, &udp(source, to).sent_to(self.mac).bytes());
                let frame = Frame::udp((from, 40_000), (own.node[outer], OVERLAY), &packet);
                let name = format!("overlay from {from}: {who}, {source} as {vni} to {to}");
                list.push((name, frame, source, reason));
            }
        }
        list
    }

    /// Addresses of the victim's node that no pod has.
    fn nobody(&self) -> [IpAddr; 2] {
        [0, 1].map(|family| match self.victim.pod[family] {
            IpAddr::V4(v4) => IpAddr::from((v4.to_bits() | 0xff).wrapping_sub(5).to_be_bytes()),
            IpAddr::V6(v6) => IpAddr::from((v6.to_bits() | 0xff00).to_be_bytes()),
        })
    }

    fn try_out(&self, (name, frame, source, reason): &Forgery) {
        let frame = frame.clone().sent_by(self.wire.mac()).sent_to(self.mac).bytes();
        let source = source.to_string();
        assert_dropped(
            (&self.lab, &self.victim.name),
            (name, *reason, TIMES),
            || (0..TIMES).for_each(|_| self.wire.send(&frame)),
            |flow: &Flow| flow.ip.as_ref().is_some_and(|ip| ip.source == source),
        );
        assert_eq!(self.ear.heard(MARKER), 0, "{name}: heard by the pod");
    }

    /// Pods of other nodes reach the victim; and what it gets is heard.
    fn honest_traffic_works(&self) {
        for to in &self.victim.pod {
            echoes(&self.friend, *to);
            wait_for("the answer is heard", || self.ear.heard(b"200 OK"), |heard| *heard > 0);
        }
    }
}

fn forged_frames_are_dropped(name: &str, args: &[&str], list: impl Fn(&Stage) -> Vec<Forgery>) {
    let stage = stage(name, args);
    stage.honest_traffic_works();
    let list = list(&stage);
    list.iter().for_each(|forgery| stage.try_out(forgery));
    stage.honest_traffic_works();
    println!("{name}: {} frames of a stranger dropped by {}", list.len(), stage.victim.name);
}

#[test]
#[ignore = "needs root"]
fn a_stranger_among_the_nodes_is_not_taken_for_a_pod() {
    forged_frames_are_dropped("stranger-vxlan", &[], |stage| {
        stage.plain(&[&stage.victim, &stage.others[0]])
    });
}

#[test]
#[ignore = "needs root"]
fn a_stranger_among_the_nodes_cannot_use_the_overlay() {
    forged_frames_are_dropped("stranger-overlay", &[], Stage::overlay);
}

#[test]
#[ignore = "needs root"]
fn a_stranger_is_not_taken_for_a_pod_of_the_node_with_native_routing() {
    // Who sits on the link can take the address of another node and of its pods: only encryption
    // helps. The node's own pods are never there.
    forged_frames_are_dropped("stranger-native", &["--routing", "native"], |stage| {
        stage.plain(&[&stage.victim])
    });
}
