//! ARP, neighbour discovery and the noise of the link.

use std::net::{IpAddr, Ipv4Addr};

use skep_bpf::abi::{DropReason, Mode, Note};

use crate::{
    cluster::{Cast, Cluster, Family},
    frames::{self, Frame, GATEWAY_MAC, POD_MAC},
    rig::{Rig, Verdict},
};

fn arp(operation: u8, sender: IpAddr, target: IpAddr) -> Vec<u8> {
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => panic!("ARP is about IPv4"),
    };
    let mut frame = vec![0xff; 6];
    frame.extend_from_slice(&POD_MAC);
    frame.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend_from_slice(&POD_MAC);
    frame.extend_from_slice(&octets(sender));
    frame.extend_from_slice(&[0; 6]);
    frame.extend_from_slice(&octets(target));
    frame
}

fn icmpv6(src: IpAddr, dst: IpAddr, body: &[u8]) -> Vec<u8> {
    Frame::new(src, dst, 58, body.to_vec()).ttl(255).summed().bytes()
}

fn solicitation(src: IpAddr, target: IpAddr) -> Vec<u8> {
    let IpAddr::V6(v6) = target else { panic!("solicitations are about IPv6") };
    let mut body = vec![135, 0, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&v6.octets());
    body.extend_from_slice(&[1, 1]);
    body.extend_from_slice(&POD_MAC);
    icmpv6(src, target, &body)
}

pub(crate) fn the_gateway_answers_arp_for_itself_only<R: Rig>(rig: impl Fn() -> R) {
    let cast = Cast::of(Family::V4);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    let ran = c.a_sends(&arp(1, cast.a, cast.gateway));
    assert_eq!(ran.verdict, Verdict::Redirect);
    let mut expected = arp(2, cast.gateway, cast.a);
    expected[..6].copy_from_slice(&POD_MAC);
    expected[6..12].copy_from_slice(&GATEWAY_MAC);
    expected[22..28].copy_from_slice(&GATEWAY_MAC);
    expected[32..38].copy_from_slice(&POD_MAC);
    assert_eq!(ran.frame, expected);
    let claims = [
        arp(1, cast.a, cast.b),
        arp(2, cast.b, cast.a),
        arp(2, cast.gateway, cast.b),
        arp(1, cast.b, Ipv4Addr::new(172, 31, 0, 2).into()),
    ];
    for claim in claims {
        c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&claim));
    }
}

pub(crate) fn the_gateway_answers_solicitations_for_itself_only<R: Rig>(rig: impl Fn() -> R) {
    let cast = Cast::of(Family::V6);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    let link_local: IpAddr = "fe80::aa".parse().expect("an address");
    for src in [cast.a, link_local] {
        let ran = c.a_sends(&solicitation(src, cast.gateway));
        assert_eq!(ran.verdict, Verdict::Redirect);
        assert_eq!(frames::addresses(&ran.frame), (cast.gateway, src));
        assert_eq!(frames::body(&ran.frame)[0], 136);
        assert_eq!(frames::body(&ran.frame)[26..32], GATEWAY_MAC);
        assert_eq!((&ran.frame[..6], &ran.frame[6..12]), (&POD_MAC[..], &GATEWAY_MAC[..]));
        assert!(frames::sums_are_valid(&ran.frame));
    }
    c.expect_ignored(Note::LinkNoise, |c| c.a_sends(&solicitation(cast.a, cast.b)));
}

pub(crate) fn noise_is_ignored_and_claims_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    let cast = Cast::of(Family::V6);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    let link_local: IpAddr = "fe80::aa".parse().expect("an address");
    let routers: IpAddr = "ff02::2".parse().expect("an address");
    let unspecified: IpAddr = "::".parse().expect("an address");
    for body in [&[133, 0, 0, 0, 0, 0, 0, 0][..], &[143, 0, 0, 0, 0, 0, 0, 0]] {
        c.expect_ignored(Note::LinkNoise, |c| c.a_sends(&icmpv6(link_local, routers, body)));
    }
    c.expect_ignored(Note::LinkNoise, |c| c.a_sends(&solicitation(unspecified, cast.a)));
    for kind in [134, 136, 137] {
        let mut body = vec![0; 40];
        body[0] = kind;
        let claim = icmpv6(cast.a, cast.b, &body);
        c.expect_drop(DropReason::ForbiddenIcmpv6, |c| c.a_sends(&claim));
    }
    let v4 = Cast::of(Family::V4);
    let mut redirect = Frame::error(v4.a, v4.b, &Frame::udp((v4.b, 1), (v4.a, 2), b"x").bytes());
    redirect.body[0] = 5;
    c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&redirect.summed().bytes()));
}
