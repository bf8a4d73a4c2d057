//! What pods may not send.

use skep_bpf::abi::{Addr, DropReason, HostValue, Mode};

use crate::{
    cluster::{Cast, Cluster, Family},
    frames::{Frame, SYN},
    rig::{Hook, Meta, Rig, Verdict},
};

pub(crate) fn foreign_source_addresses_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let mut sources = vec![cast.b, cast.node, cast.world, cast.remote, cast.gateway];
        let odd: &[&str] = match cast.family {
            Family::V4 => &["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"],
            Family::V6 => &["::1", "::", "ff02::1", "fe80::2"],
        };
        sources
            .extend(odd.iter().map(|text| text.parse::<std::net::IpAddr>().expect("an address")));
        for src in sources {
            let frame = Frame::tcp((src, 1), (cast.b, 2), SYN).bytes();
            let event = c.expect_drop(DropReason::InvalidSourceIp, |c| c.a_sends(&frame));
            assert_eq!(event.src, Addr::from(src));
        }
        let own = Frame::tcp((cast.a, 1), (cast.a, 2), SYN).bytes();
        c.expect_drop(DropReason::InvalidSourceIp, |c| c.a_sends(&own));
    }
}

pub(crate) fn foreign_macs_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.b, 2), SYN);
        let forged = frame.clone().sent_by([2, 0, 0, 0, 0, 0x0b]).bytes();
        c.expect_drop(DropReason::InvalidSourceMac, |c| c.a_sends(&forged));
        let elsewhere = frame.sent_to([2, 0, 0, 0, 0, 0x0b]).bytes();
        c.expect_drop(DropReason::InvalidDestinationMac, |c| c.a_sends(&elsewhere));
    }
}

pub(crate) fn addresses_that_cannot_be_forwarded_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let targets: &[&str] = match cast.family {
            Family::V4 => &["127.0.0.1", "0.1.2.3", "240.0.0.1", "255.255.255.255", "224.0.0.251"],
            Family::V6 => &["::1", "::", "ff02::fb", "fe80::1", "fe80::1234"],
        };
        for dst in targets {
            let dst = dst.parse().expect("an address");
            let frame = Frame::udp((cast.a, 5353), (dst, 5353), b"x").bytes();
            c.expect_drop(DropReason::UnknownTarget, |c| c.a_sends(&frame));
        }
        let (sport, dport) = if cast.family == Family::V4 { (67, 68) } else { (547, 546) };
        let offer = Frame::udp((cast.a, sport), (cast.b, dport), b"x").bytes();
        c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&offer));
    }
    let cast = Cast::of(Family::V6);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    let mut mapped = Frame::udp((cast.a, 1), (cast.b, 2), b"x").bytes();
    mapped[38..54].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 244, 1, 11]);
    c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&mapped));
}

pub(crate) fn malformed_packets_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let good = Frame::tcp((cast.a, 1), (cast.b, 2), SYN).bytes();
        let broken = |at: usize, byte: u8| {
            let mut frame = good.clone();
            frame[at] = byte;
            frame
        };
        let l4 = if cast.family == Family::V4 { 34 } else { 54 };
        let cases: Vec<(Vec<u8>, DropReason)> = match cast.family {
            Family::V4 => vec![
                (broken(14, 0x44), DropReason::InvalidPacket),
                (broken(14, 0x65), DropReason::InvalidPacket),
                (broken(17, 19), DropReason::InvalidPacket),
                (broken(16, 0xff), DropReason::InvalidPacket),
                (broken(22, 0), DropReason::InvalidPacket),
                (broken(23, 58), DropReason::UnknownL4),
            ],
            Family::V6 => vec![
                (broken(14, 0x40), DropReason::InvalidPacket),
                (broken(18, 0xff), DropReason::InvalidPacket),
                (broken(21, 0), DropReason::InvalidPacket),
                (broken(20, 1), DropReason::UnknownL4),
            ],
        };
        for (frame, reason) in cases {
            c.expect_drop(reason, |c| c.a_sends(&frame));
        }
        c.expect_drop(DropReason::TruncatedHeader, |c| c.a_sends(&broken(l4 + 12, 4 << 4)));
        c.expect_drop(DropReason::TruncatedHeader, |c| c.a_sends(&broken(l4 + 12, 15 << 4)));
        c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&broken(l4 + 13, 3)));
        c.expect_drop(DropReason::InvalidPacket, |c| c.a_sends(&broken(l4 + 13, 0)));
        let mut udp = Frame::udp((cast.a, 1), (cast.b, 2), b"data");
        udp.body[5] = 200;
        c.expect_drop(DropReason::TruncatedHeader, |c| c.a_sends(&udp.bytes()));
        for (ether_type, reason) in [
            ([0x81, 0x00], DropReason::VlanFiltered),
            ([0x88, 0xa8], DropReason::VlanFiltered),
            ([0x00, 0x40], DropReason::UnsupportedL2),
            ([0x88, 0x64], DropReason::UnsupportedL3),
            ([0x88, 0xcc], DropReason::UnsupportedL3),
        ] {
            let mut frame = good.clone();
            frame[12..14].copy_from_slice(&ether_type);
            // The kernel takes a VLAN tag off before the program; the tag itself says nothing else.
            let _ = c.rig.events();
            let ran = c.a_sends(&frame);
            assert_eq!(ran.verdict, Verdict::Drop);
            let events = c.rig.events();
            assert_eq!(events[0].reason, reason.code(), "{ether_type:?}");
        }
    }
    let cast = Cast::of(Family::V4);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    for (options, verdict) in [
        ([131, 7, 4, 10, 0, 0, 1, 0], Verdict::Drop),
        ([137, 7, 4, 10, 0, 0, 1, 0], Verdict::Drop),
        ([7, 40, 4, 0, 0, 0, 0, 0], Verdict::Drop),
        ([7, 7, 4, 0, 0, 0, 0, 0], Verdict::Accept),
        ([1, 1, 1, 1, 1, 1, 1, 1], Verdict::Accept),
    ] {
        let frame = Frame::tcp((cast.a, 1), (cast.b, 2), SYN).extra(None, &options).bytes();
        assert_eq!(c.a_sends(&frame).verdict, verdict, "{options:?}");
    }
}

pub(crate) fn extension_headers_are_judged_one_by_one<R: Rig>(rig: impl Fn() -> R) {
    let cast = Cast::of(Family::V6);
    let mut c = Cluster::new(rig(), Mode::Vxlan);
    let header = |next: u8, byte3: u8| vec![next, 0, 0, byte3, 0, 0, 0, 0];
    let udp = Frame::udp((cast.a, 1), (cast.b, 2), b"data");
    let mut run =
        |first: u8, chain: &[u8]| c.a_sends(&udp.clone().extra(Some(first), chain).bytes()).verdict;
    assert_eq!(run(0, &header(17, 0)), Verdict::Redirect, "hop-by-hop");
    assert_eq!(run(60, &header(17, 0)), Verdict::Redirect, "destination options");
    assert_eq!(run(43, &header(17, 0)), Verdict::Redirect, "routing, nothing left");
    assert_eq!(run(43, &header(17, 1)), Verdict::Drop, "routing, segments left");
    assert_eq!(run(60, &[header(0, 0), header(17, 0)].concat()), Verdict::Drop, "late hop-by-hop");
    let many: Vec<u8> = [60, 60, 60, 60, 60, 60, 17].iter().flat_map(|n| header(*n, 0)).collect();
    assert_eq!(run(60, &many), Verdict::Drop, "too many");
    assert_eq!(run(60, &[17, 200, 0, 0, 0, 0, 0, 0]), Verdict::Drop, "beyond the packet");
}

pub(crate) fn tunnel_traffic_to_nodes_is_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        for node in [cast.node, cast.other_node, cast.unready_node] {
            let frame = Frame::udp((cast.a, 1), (node, 8472), b"vxlan").bytes();
            c.expect_drop(DropReason::EncapsulationProhibited, |c| c.a_sends(&frame));
        }
        let frame = Frame::udp((cast.a, 1), (cast.world, 8472), b"vxlan").bytes();
        assert_eq!(c.a_sends(&frame).verdict, Verdict::Accept);
    }
}

pub(crate) fn stale_addresses_are_dropped<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.gone, 2), SYN).bytes();
        c.expect_drop(DropReason::StaleAddress, |c| c.a_sends(&frame));
        let inbound = Frame::tcp((cast.world, 1), (cast.gone, 2), SYN).bytes();
        c.expect_drop(DropReason::StaleAddress, |c| c.uplink_gets(&inbound));
    }
}

pub(crate) fn nothing_passes_without_configuration<R: Rig>(rig: impl Fn() -> R) {
    for cast in Cast::both() {
        let mut c = Cluster::new(rig(), Mode::Vxlan);
        let frame = Frame::tcp((cast.a, 1), (cast.b, 2), SYN).bytes();
        c.rig.device(None);
        c.expect_drop(DropReason::NoConfiguration, |c| {
            c.rig.run(Hook::FromPod, &frame, Meta::default())
        });
        let mut unready = c.veth_a();
        unready.flags = 0;
        c.rig.device(Some(unready));
        c.expect_drop(DropReason::EndpointNotReady, |c| {
            c.rig.run(Hook::FromPod, &frame, Meta::default())
        });
        c.config.abi_version = 0;
        c.rig.config(c.config);
        c.expect_drop(DropReason::NoConfiguration, |c| c.a_sends(&frame));
        c.expect_drop(DropReason::NoConfiguration, |c| c.a_gets(&frame, Meta::default()));
        let to_pod = Frame::tcp((cast.world, 1), (cast.a, 2), SYN).bytes();
        c.expect_drop(DropReason::NoConfiguration, |c| c.uplink_gets(&to_pod));
        // Nobody could configure a host that may not speak before it is.
        c.rig.host(HostValue { protected: u32::MAX, ..HostValue::default() });
        let host = Frame::tcp((cast.world, 1), (cast.node, 22), SYN).bytes();
        assert_eq!(c.uplink_gets(&host).verdict, Verdict::Accept);
        let out = Frame::tcp((cast.node, 22), (cast.world, 1), SYN).bytes();
        assert_eq!(c.uplink_sends(&out, 0).verdict, Verdict::Accept);
        let leak = Frame::tcp((cast.a, 22), (cast.world, 1), SYN).bytes();
        c.expect_drop(DropReason::NoConfiguration, |c| c.uplink_sends(&leak, 0));
    }
}
