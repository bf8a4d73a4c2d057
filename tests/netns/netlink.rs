//! Netlink, namespaces, device detection.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::{IpAddr, UdpSocket},
    os::fd::OwnedFd,
};

use ipnet::IpNet;
use skep::{
    kernel::{
        BridgeSpec, DeviceChoice, DeviceError, NetNs, NetNsError, Netlink, NetlinkError, Route,
        SocketKind, Underlay, VethSpec, VxlanSpec, abort_connections, detect_underlay,
    },
    model::{Addresses, MacAddr},
};

use crate::support::inside;

fn namespace() -> (NetNs, Netlink) {
    let netns = NetNs::anonymous().expect("a namespace can be made");
    let netlink = Netlink::open_in(&netns).expect("its netlink opens");
    (netns, netlink)
}

fn veth<'a>(name: &'a str, peer_name: &'a str, peer_netns: Option<&'a NetNs>) -> VethSpec<'a> {
    VethSpec { name, mac: None, peer_name, peer_mac: None, peer_netns, mtu: 1500 }
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
#[ignore = "needs root"]
fn devices_addresses_routes_and_neighbours_come_back_as_they_were_added() -> Result<(), NetlinkError>
{
    let (_netns, netlink) = namespace();
    let (other, elsewhere) = namespace();
    netlink.create_bridge(&BridgeSpec { name: "br0", mtu: 1400 })?;
    netlink.create_veth_pair(&veth("left0", "right0", Some(&other)))?;
    let mac = MacAddr([2, 0, 0, 0, 0, 9]);
    netlink.create_vxlan_external(&VxlanSpec { name: "skep_vxlan", port: 8472, mtu: 1450, mac })?;
    let bridge = netlink.link_by_name("br0")?;
    let left = netlink.link_by_name("left0")?;
    let vxlan = netlink.link_by_name("skep_vxlan")?;
    assert_eq!((bridge.kind.as_deref(), bridge.mtu, bridge.up), (Some("bridge"), 1400, false));
    assert_eq!(left.peer, Some(elsewhere.link_by_name("right0")?.index));
    assert_eq!((vxlan.vxlan_port, vxlan.external, vxlan.mac), (Some(8472), true, Some(mac)));

    netlink.set_master(left.index, bridge.index)?;
    netlink.rename(left.index, "port0")?;
    netlink.set_mac(left.index, mac)?;
    netlink.set_mtu(left.index, 1300)?;
    let left = netlink.link_by_index(left.index)?;
    assert_eq!((left.name.as_str(), left.mtu, left.master), ("port0", 1300, Some(bridge.index)));

    netlink.set_up(vxlan.index)?;
    for (address, remote, gateway) in
        [("10.9.0.1/24", "10.9.1.0/24", "10.9.0.7"), ("fd09::1/64", "fd09:1::/64", "fd09::7")]
    {
        netlink.add_address(vxlan.index, net(address))?;
        netlink.add_address(vxlan.index, net(address))?;
        assert!(netlink.addresses()?.contains(&(vxlan.index, net(address))));
        netlink.add_neighbour(vxlan.index, ip(gateway), mac)?;
        let neighbours = netlink.neighbours()?;
        assert!(neighbours.iter().any(|n| n.address == ip(gateway) && n.mac == mac && n.permanent));

        let direct = Route::to(net(remote)).dev(vxlan.index).mtu(1400);
        let routed = Route::default_of(ip(gateway)).via(ip(gateway)).dev(vxlan.index).onlink();
        for route in [&direct, &routed] {
            netlink.add_route(route)?;
            netlink.add_route(route)?;
            let found = netlink.routes()?;
            let found =
                found.iter().find(|r| r.destination == route.destination).expect("it is there");
            assert_eq!((found.device, found.via, found.mtu), (route.device, route.via, route.mtu));
            netlink.remove_route(route)?;
            let gone = netlink.remove_route(route).expect_err("it is gone");
            assert!(gone.is_absent(), "{gone}");
        }
        netlink.remove_address(vxlan.index, net(address))?;
    }
    netlink.delete_link(vxlan.index)?;
    assert!(matches!(netlink.link_by_name("skep_vxlan"), Err(NetlinkError::NoDevice(_))));
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn errors_say_what_was_tried_and_what_the_kernel_answered() {
    let (_netns, netlink) = namespace();
    let missing = netlink.link_by_name("nothing0").expect_err("there is no such device");
    assert_eq!(missing.to_string(), "there is no network device nothing0");
    netlink.create_veth_pair(&veth("a0", "b0", None)).expect("it can be made");
    let exists = netlink.create_veth_pair(&veth("a0", "c0", None)).expect_err("the name is taken");
    assert!(exists.is_exists());
    assert!(exists.to_string().starts_with("cannot create the veth pair a0 and c0"), "{exists}");
    let device = netlink.link_by_name("a0").expect("it exists").index;
    let down =
        netlink.add_route(&Route::to(net("10.1.0.0/16")).dev(device)).expect_err("it is down");
    assert_eq!(
        down.to_string(),
        "cannot add the route to 10.1.0.0/16: Device for nexthop is not up",
        "the kernel's own words are part of the message"
    );
    assert_eq!(down.raw_os_error(), Some(libc::ENETDOWN));
    let gone = netlink.delete_link_by_name("nothing0").expect_err("there is no such device");
    assert!(gone.is_absent(), "{gone}");
}

#[test]
#[ignore = "needs root"]
fn a_busy_listing_is_complete() -> Result<(), NetlinkError> {
    let (_netns, netlink) = namespace();
    let names: Vec<_> = (0..200).map(|n| (format!("x{n}"), format!("y{n}"))).collect();
    for (name, peer) in &names {
        netlink.create_veth_pair(&veth(name, peer, None))?;
    }
    assert_eq!(netlink.links()?.len(), 401, "a listing of several datagrams is read to its end");
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn only_network_namespaces_are_taken_for_network_namespaces() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "x").expect("a file can be written");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/proc/self/ns/mnt", &link).expect("a link can be made");
    for path in [plain.as_path(), &link, "/proc/self/ns/user".as_ref(), "/dev/null".as_ref()] {
        let refused = NetNs::open(path);
        assert!(matches!(refused, Err(NetNsError::NotANamespace(_))), "{}", path.display());
        let fd: OwnedFd = std::fs::File::open(path).expect("it can be opened").into();
        assert!(matches!(NetNs::from_fd(fd), Err(NetNsError::NotANamespace(_))));
    }
    let absent = NetNs::open(directory.path().join("absent"));
    assert!(matches!(absent, Err(NetNsError::Open { .. })));
}

#[test]
#[ignore = "needs root"]
fn a_bound_namespace_lives_until_it_is_removed_and_the_caller_never_moves() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("pod");
    let before = NetNs::current().expect("there is one").inode();
    let made = NetNs::create_at(&path).expect("it can be made");
    let inode = made.inode();
    drop(made);
    let found = NetNs::open(&path).expect("it is still there");
    assert_eq!(found.inode(), inode);
    assert_eq!(inside(&found, || NetNs::current().map(|netns| netns.inode())), inode);
    assert_eq!(NetNs::current().expect("there is one").inode(), before);
    assert!(NetNs::create_at(&path).is_err(), "a second one does not replace the first");
    NetNs::remove_at(&path).expect("it can be removed");
    NetNs::remove_at(&path).expect("twice is fine");
    assert!(!path.exists());
}

#[test]
#[ignore = "needs root"]
fn the_underlay_is_where_the_default_routes_are() -> Result<(), NetlinkError> {
    let (_netns, netlink) = namespace();
    let nobody = Addresses::default();
    let detect = |choice| detect_underlay(&netlink, choice, &nobody);
    let none = detect(&DeviceChoice::Auto).expect_err("there is no route");
    assert!(matches!(none, DeviceError::NoDefaultRoute), "{none}");
    netlink.create_veth_pair(&veth("up0", "peer0", None))?;
    netlink.create_veth_pair(&veth("up1", "peer1", None))?;
    for (name, address, gateway) in
        [("up0", "fd01::2/64", "fd01::1"), ("up1", "172.16.0.2/24", "172.16.0.1")]
    {
        let device = netlink.link_by_name(name)?.index;
        netlink.set_up(device)?;
        netlink.add_address(device, net(address))?;
        netlink.add_route(&Route::default_of(ip(gateway)).via(ip(gateway)).dev(device))?;
    }
    netlink.set_mtu(netlink.link_by_name("up0")?.index, 1450)?;
    let found = detect(&DeviceChoice::Auto).expect("there are two");
    let names: Vec<_> = found.devices.iter().map(|device| device.name.as_str()).collect();
    assert_eq!((names, found.mtu), (vec!["up1", "up0"], 1450));
    assert_eq!(found.devices[0].v4, Some([172, 16, 0, 2].into()));
    assert_eq!(found.devices[1].v6, Some("fd01::2".parse().expect("an address")));
    let named = DeviceChoice::Named(vec!["up0".into()]);
    assert_eq!(detect(&named).expect("it exists").devices.len(), 1);
    let wrong = DeviceChoice::Named(vec!["eth7".into()]);
    let error = detect(&wrong).expect_err("there is no such device");
    assert_eq!(error.to_string(), "there is no device eth7");
    Ok(())
}

/// As on machines with a network for the cluster and another to the outside: the default route says nothing of where
/// nodes meet.
#[test]
#[ignore = "needs root"]
fn the_underlay_is_where_the_nodes_addresses_are_too() -> Result<(), NetlinkError> {
    let (_netns, netlink) = namespace();
    for number in 0..3 {
        netlink.create_veth_pair(&veth(&format!("up{number}"), &format!("peer{number}"), None))?;
        let device = netlink.link_by_name(&format!("up{number}"))?.index;
        netlink.set_up(device)?;
        netlink.add_address(device, net(&format!("172.16.{number}.2/24")))?;
        netlink.add_address(device, net(&format!("fd0{number}::2/64")))?;
    }
    let device = |name: &str| netlink.link_by_name(name).map(|link| link.index);
    netlink.add_route(
        &Route::default_of(ip("172.16.0.1")).via(ip("172.16.0.1")).dev(device("up0")?),
    )?;
    // One that wanders between nodes, which the kernel lists first.
    netlink.add_address(device("up1")?, net("fd01::99/128"))?;
    let node = Addresses {
        v4: Some([172, 16, 1, 2].into()),
        v6: Some("fd01::2".parse().expect("an address")),
    };
    let names = |found: &Underlay| -> Vec<String> {
        found.devices.iter().map(|device| device.name.clone()).collect()
    };
    let found = detect_underlay(&netlink, &DeviceChoice::Auto, &node).expect("there are two");
    assert_eq!(names(&found), ["up1", "up0"], "nobody needs the third");
    assert_eq!((found.devices[0].v4, found.devices[0].v6), (node.v4, node.v6));
    let named = DeviceChoice::Named(vec!["up0".into(), "up1".into()]);
    let found = detect_underlay(&netlink, &named, &node).expect("they exist");
    assert_eq!(names(&found), ["up1", "up0"], "whose addresses are the node's comes first");
    let found = detect_underlay(&netlink, &DeviceChoice::Auto, &Addresses::default());
    assert_eq!(names(&found.expect("there is a default route")), ["up0"]);
    // A node that is reached by several devices has its address on none of them.
    netlink.add_address(device("lo")?, net("10.9.9.9/32"))?;
    let node = Addresses { v4: Some([10, 9, 9, 9].into()), v6: None };
    let found = detect_underlay(&netlink, &DeviceChoice::Auto, &node).expect("there is one");
    assert_eq!(names(&found), ["up0"]);
    assert_eq!((found.own.v4, found.own.v6), (node.v4, found.devices[0].v6));
    assert_eq!(found.devices[0].v4, Some([172, 16, 0, 2].into()), "what goes out there");
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn connected_sockets_of_datagrams_are_aborted() {
    let (netns, netlink) = namespace();
    let lo = netlink.link_by_name("lo").expect("every namespace has one");
    netlink.set_up(lo.index).expect("it goes up");
    let gone = BTreeSet::from([ip("127.0.0.2"), ip("::1")]);
    netns
        .run(|| {
            let connected = |from: &str, to: &str| {
                let socket = UdpSocket::bind((from, 0)).expect("a socket");
                socket.set_nonblocking(true).expect("it does not wait");
                socket.connect((to, 9)).expect("nobody is asked");
                socket
            };
            let stays = connected("127.0.0.1", "127.0.0.3");
            let v4 = connected("127.0.0.1", "127.0.0.2");
            let v6 = connected("::1", "::1");
            assert_eq!(abort_connections(SocketKind::Tcp, &gone).expect("listed"), 0);
            assert_eq!(abort_connections(SocketKind::Udp, &gone).expect("aborted"), 2);
            for (socket, wanted) in [
                (&v4, ErrorKind::ConnectionAborted),
                (&v6, ErrorKind::ConnectionAborted),
                (&stays, ErrorKind::WouldBlock),
            ] {
                assert_eq!(socket.recv(&mut [0; 8]).expect_err("nobody sends").kind(), wanted);
            }
        })
        .expect("entered");
}
