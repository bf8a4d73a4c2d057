//! Frames that no honest pod sends, and why each is dropped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use skep_bpf::abi::DropReason;

use super::wire::frames::{FIN, Frame, SYN, UDP, fragments};

/// In every forged frame: whoever hears it was reached.
pub(crate) const MARKER: &[u8] = b"forged-frame";
/// The overlay's port.
pub(crate) const OVERLAY: u16 = 8472;

/// Destination options that say nothing, before UDP (RFC 8200 4.6).
const PADDING: [u8; 8] = [UDP, 0, 1, 4, 0, 0, 0, 0];

/// Who is there. Every list has an IPv4 and an IPv6 address.
pub(crate) struct Scene {
    /// The attacker's addresses.
    pub(crate) own: Vec<IpAddr>,
    pub(crate) mac: [u8; 6],
    /// The host's side of its veth.
    pub(crate) gateway: [u8; 6],
    /// A pod of the same node.
    pub(crate) near: Vec<IpAddr>,
    /// A pod of another node.
    pub(crate) far: Vec<IpAddr>,
    pub(crate) node: Vec<IpAddr>,
    pub(crate) other_node: Vec<IpAddr>,
}

/// A frame and its fate.
pub(crate) struct Forgery {
    pub(crate) name: String,
    pub(crate) frame: Vec<u8>,
    pub(crate) reason: DropReason,
}

/// Returns all forgeries, of both families.
pub(crate) fn all(scene: &Scene) -> Vec<Forgery> {
    let mut list = link(scene);
    for family in [0, 1] {
        list.extend(sources(scene, family));
        list.extend(lengths(scene, family));
        list.extend(targets(scene, family));
    }
    list
}

/// Returns packets that may be sent.
pub(crate) fn legitimate(scene: &Scene) -> Vec<Frame> {
    let mut list = Vec::new();
    for family in [0, 1] {
        let (own, near) = (scene.own[family], scene.near[family]);
        list.push(Frame::tcp((own, 40_001), (near, 8080), SYN));
        list.push(udp(own, near));
        list.push(Frame::echo(own, near, 77, false));
    }
    list.into_iter().map(|frame| frame.sent_by(scene.mac).sent_to(scene.gateway)).collect()
}

/// Returns a datagram with the marker in it.
pub(crate) fn udp(from: IpAddr, to: IpAddr) -> Frame {
    Frame::udp((from, 40_002), (to, 8125), MARKER)
}

fn forgery(name: &str, family: usize, reason: DropReason, frame: impl Into<Vec<u8>>) -> Forgery {
    let family = if family == 0 { "IPv4" } else { "IPv6" };
    Forgery { name: format!("{name}, {family}"), frame: frame.into(), reason }
}

/// What is no IP packet of a pod's link.
fn link(scene: &Scene) -> Vec<Forgery> {
    use DropReason::{InvalidPacket, UnsupportedL2, UnsupportedL3, VlanFiltered};
    let (own, near) = (scene.own[0], scene.near[0]);
    let whole = udp(own, near).sent_by(scene.mac).sent_to(scene.gateway).bytes();
    let typed = |bytes: &[u8]| [&whole[..12], bytes, &whole[14..]].concat();
    let mine = (scene.mac, near);
    let gateway = Ipv4Addr::new(169, 254, 1, 1).into();
    vec![
        forgery("ARP reply for another pod", 0, InvalidPacket, arp(scene, 2, mine, own)),
        forgery(
            "ARP reply for the gateway",
            0,
            InvalidPacket,
            arp(scene, 2, (scene.mac, gateway), near),
        ),
        forgery("gratuitous ARP for another pod", 0, InvalidPacket, arp(scene, 1, mine, near)),
        forgery(
            "gratuitous ARP for the node",
            0,
            InvalidPacket,
            arp(scene, 1, (scene.mac, scene.node[0]), scene.node[0]),
        ),
        forgery("VLAN tag", 0, VlanFiltered, typed(&[0x81, 0, 0, 5, 8, 0])),
        forgery("802.3 frame", 0, UnsupportedL2, typed(&[0, 60])),
        forgery("MPLS", 0, UnsupportedL3, typed(&[0x88, 0x47])),
    ]
}

/// Wrong senders.
fn sources(scene: &Scene, family: usize) -> Vec<Forgery> {
    use DropReason::{InvalidDestinationMac, InvalidSourceIp, InvalidSourceMac, UnknownTarget};
    let honest = |from: IpAddr, to: IpAddr| udp(from, to).sent_by(scene.mac).sent_to(scene.gateway);
    let (own, near, far) = (scene.own[family], scene.near[family], scene.far[family]);
    let (node, other) = (scene.node[family], scene.other_node[family]);
    let mac = honest(own, far).sent_by([2, 0xbd, 0, 0, 0, 1]);
    let past = honest(own, near).sent_to([2, 0xbd, 0, 0, 0, 2]);
    let world: IpAddr =
        [IpAddr::from([198, 51, 100, 10]), "2001:db8:1::10".parse().expect("one")][family];
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()][family];
    let group =
        [IpAddr::from([224, 0, 0, 1]), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into()][family];
    let none: IpAddr = [Ipv4Addr::UNSPECIFIED.into(), IpAddr::from(Ipv6Addr::UNSPECIFIED)][family];
    vec![
        forgery("source of a pod of the node", family, InvalidSourceIp, honest(near, far).bytes()),
        forgery("source of a pod elsewhere", family, InvalidSourceIp, honest(far, near).bytes()),
        forgery("source of the node", family, InvalidSourceIp, honest(node, far).bytes()),
        forgery(
            "source of the node, to the node",
            family,
            InvalidSourceIp,
            honest(node, node).bytes(),
        ),
        forgery("source of another node", family, InvalidSourceIp, honest(other, near).bytes()),
        forgery("source of the world", family, InvalidSourceIp, honest(world, near).bytes()),
        forgery("source of the loopback", family, InvalidSourceIp, honest(loopback, near).bytes()),
        forgery("source of a group", family, InvalidSourceIp, honest(group, near).bytes()),
        forgery("to itself", family, InvalidSourceIp, honest(own, own).bytes()),
        forgery("to the loopback", family, UnknownTarget, honest(own, loopback).bytes()),
        forgery("no source", family, InvalidSourceIp, honest(none, near).bytes()),
        forgery("another MAC", family, InvalidSourceMac, mac.bytes()),
        forgery("past the gateway", family, InvalidDestinationMac, past.bytes()),
    ]
}

/// Lengths and options that do not fit.
fn lengths(scene: &Scene, family: usize) -> Vec<Forgery> {
    use DropReason::{InvalidExtensionHeader, InvalidPacket, TruncatedHeader};
    let (own, near, far) = (scene.own[family], scene.near[family], scene.far[family]);
    let mine = |frame: Frame| frame.sent_by(scene.mac).sent_to(scene.gateway);
    let whole = mine(udp(own, near)).bytes();
    // Of IPv4 the total length, of IPv6 that of the payload.
    let (at, right) = if family == 0 { (16, whole.len() - 14) } else { (18, whole.len() - 54) };
    let claiming = |length: usize| {
        let mut frame = whole.clone();
        frame[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
        frame
    };
    let mut longer = whole.clone();
    let length = if family == 0 { 38 } else { 58 };
    longer[length..length + 2].copy_from_slice(&999_u16.to_be_bytes());
    let scan = mine(Frame::tcp((own, 40_003), (near, 8080), SYN | FIN)).bytes();
    let mut list = vec![
        forgery("longer than the frame", family, InvalidPacket, claiming(right + 1)),
        forgery("longer than any frame", family, InvalidPacket, claiming(0xffff)),
        forgery(
            "shorter than its header",
            family,
            if family == 0 { InvalidPacket } else { TruncatedHeader },
            claiming(3),
        ),
        forgery("UDP length beyond the packet", family, TruncatedHeader, longer),
        forgery("no hop left", family, InvalidPacket, mine(udp(own, near).ttl(0)).bytes()),
        forgery("SYN and FIN", family, InvalidPacket, scan),
    ];
    if family == 0 {
        let IpAddr::V4(via) = far else { panic!("IPv4 comes first") };
        let via = via.octets();
        for (name, kind) in [("loose source route", 131), ("strict source route", 137)] {
            let option = [kind, 7, 4, via[0], via[1], via[2], via[3], 0];
            let frame = mine(udp(own, near).extra(None, &option)).bytes();
            list.push(forgery(name, family, InvalidPacket, frame));
        }
    } else {
        let IpAddr::V6(via) = far else { panic!("IPv6 comes second") };
        let mapped = |address: IpAddr| match address {
            IpAddr::V4(v4) => IpAddr::from(v4.to_ipv6_mapped()),
            IpAddr::V6(_) => address,
        };
        let source = mine(udp(mapped(scene.own[0]), near)).bytes();
        list.push(forgery("mapped source", family, InvalidPacket, source));
        let target = mine(udp(own, mapped(scene.near[0]))).bytes();
        list.push(forgery("mapped destination", family, InvalidPacket, target));
        for (name, kind) in [("routing header type 0", 0), ("segment routing header", 4)] {
            let header = [&[UDP, 2, kind, 1, 0, 0, 0, 0][..], &via.octets()].concat();
            let frame = mine(udp(own, near).extra(Some(43), &header)).bytes();
            list.push(forgery(name, family, InvalidExtensionHeader, frame));
        }
    }
    list
}

/// What a pod may not say, or not to those.
fn targets(scene: &Scene, family: usize) -> Vec<Forgery> {
    use DropReason::{
        EncapsulationProhibited, FirstFragmentMissing, ForbiddenIcmpv6, InvalidPacket,
        UnknownTarget,
    };
    let (own, near) = (scene.own[family], scene.near[family]);
    let mine = |frame: Frame| frame.sent_by(scene.mac).sent_to(scene.gateway);
    let (server, client) = [(67, 68), (547, 546)][family];
    let offer = |to: IpAddr| mine(Frame::udp((own, server), (to, client), MARKER));
    let mut list =
        vec![forgery("DHCP answer to a pod", family, InvalidPacket, offer(near).bytes())];
    for (name, node) in [
        ("overlay to the node", scene.node[family]),
        ("overlay to another node", scene.other_node[family]),
    ] {
        let inner = udp(scene.far[family], near).bytes();
        let packet = mine(Frame::udp((own, 5555), (node, OVERLAY), &encapsulated(256, &inner)));
        list.push(forgery(name, family, EncapsulationProhibited, packet.bytes()));
        // Options and headers between that are allowed, and could hide the port.
        let hidden =
            packet.clone().extra([None, Some(60)][family], [&[1; 4][..], &PADDING][family]);
        let name = format!("{name} behind options");
        list.push(forgery(&name, family, EncapsulationProhibited, hidden.bytes()));
        let first = fragments(&packet, 64, 4711).0;
        let name = format!("{name}, first fragment");
        list.push(forgery(&name, family, EncapsulationProhibited, first));
        let last = fragments(&packet, 64, 4712).1;
        let name = format!("{name}, last fragment");
        list.push(forgery(&name, family, FirstFragmentMissing, last));
    }
    if family == 0 {
        let everyone = offer(Ipv4Addr::BROADCAST.into()).sent_to([0xff; 6]);
        list.push(forgery("DHCP answer to everyone", family, UnknownTarget, everyone.bytes()));
        let redirect =
            mine(Frame::new(own, near, 1, [&[5, 1, 0, 0, 10, 0, 0, 1][..], MARKER].concat()));
        list.push(forgery("redirect", family, InvalidPacket, redirect.summed().bytes()));
        return list;
    }
    let everyone =
        (IpAddr::from(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)), [0x33, 0x33, 0, 0, 0, 1]);
    let link_local = IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
    let option = [&[2, 1][..], &scene.mac, &[14, 2], MARKER, &[0, 0]].concat();
    let IpAddr::V6(target) = near else { panic!("IPv6 comes second") };
    let claim = [&[136, 0, 0, 0, 0x20, 0, 0, 0][..], &target.octets(), &option].concat();
    let router = [&[134, 0, 0, 0, 64, 0, 0x70, 0x80, 0, 0, 0, 0, 0, 0, 0, 0][..], &option].concat();
    let redirect =
        [&[137, 0, 0, 0, 0, 0, 0, 0][..], &target.octets(), &target.octets(), &option].concat();
    for (name, from, (to, mac), body) in [
        ("advertisement for another pod", own, everyone, &claim),
        ("advertisement to a pod", own, (near, scene.gateway), &claim),
        ("advertisement as another pod", near, everyone, &claim),
        ("router advertisement", link_local, everyone, &router),
        ("router advertisement to a pod", own, (near, scene.gateway), &router),
        ("redirect", link_local, (near, scene.gateway), &redirect),
    ] {
        let frame = Frame::new(from, to, 58, body.clone()).summed().ttl(255);
        let frame = frame.sent_by(scene.mac).sent_to(mac).bytes();
        list.push(forgery(name, family, ForbiddenIcmpv6, frame));
    }
    list
}

/// Puts a VXLAN header before a frame.
pub(crate) fn encapsulated(vni: u32, frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0][..], &(vni << 8).to_be_bytes(), frame].concat()
}

/// Returns an ARP packet of the attacker: 1 asks, 2 claims.
pub(crate) fn arp(
    scene: &Scene,
    operation: u8,
    sender: ([u8; 6], IpAddr),
    target: IpAddr,
) -> Vec<u8> {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (sender.1, target) else { panic!("ARP is for IPv4") };
    let head = [&[0xff; 6][..], &scene.mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation]].concat();
    [&head[..], &sender.0, &from.octets(), &[0; 6], &to.octets(), MARKER].concat()
}

/// Returns a neighbour solicitation of the attacker.
pub(crate) fn solicitation(scene: &Scene, from: IpAddr, target: Ipv6Addr) -> Vec<u8> {
    let last = target.octets();
    let group =
        Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, last[13], last[14], last[15]]);
    let body = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &last, &[1, 1], &scene.mac].concat();
    let frame = Frame::new(from, group.into(), 58, body).summed().ttl(255);
    frame.sent_by(scene.mac).sent_to([0x33, 0x33, 0xff, last[13], last[14], last[15]]).bytes()
}
