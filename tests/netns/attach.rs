//! Attaching, replacing and removing programs.

use std::{
    net::{IpAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use skep::{
    bench::{StandaloneNode, StandalonePod},
    kernel::{
        AttachMethod, AttachMode, Datapath, Direction, Hook, LoadError, LoadOptions, Netlink,
        Owner, PrivateBpffs, VethSpec, remove_all,
    },
    model::IfIndex,
};

use crate::support::{inside, udp, udp_exchange};

const BOTH: [(AttachMode, AttachMethod); 2] =
    [(AttachMode::Tcx, AttachMethod::Tcx), (AttachMode::Clsact, AttachMethod::Clsact)];

fn node(attach: AttachMode) -> StandaloneNode {
    StandaloneNode::new(attach).expect("a node can be made")
}

fn pod(node: &mut StandaloneNode) -> StandalonePod {
    node.add_pod().expect("a pod can be made")
}

/// Little room, in a file system of its own.
fn options(bpffs: &PrivateBpffs) -> LoadOptions {
    LoadOptions {
        bpf_dir: bpffs.path().join("skep"),
        attach: AttachMode::Auto,
        conntrack_entries: 4096,
        backend_entries: 1024,
        policy_entries: 1024,
    }
}

/// What the kernel reports for one device: direction, method, owner.
fn attached(node: &StandaloneNode, device: IfIndex) -> Vec<(Direction, AttachMethod, Owner)> {
    let all = inside(node.netns(), || node.datapath().attachments());
    all.into_iter()
        .filter(|found| found.ifindex == device)
        .map(|found| (found.direction, found.method, found.owner))
        .collect()
}

fn both_sides(method: AttachMethod) -> Vec<(Direction, AttachMethod, Owner)> {
    Direction::BOTH.map(|direction| (direction, method, Owner::Current)).to_vec()
}

#[test]
#[ignore = "needs root"]
fn both_sides_of_a_pod_have_a_program_by_either_method_and_auto_prefers_tcx() {
    for (mode, method) in BOTH {
        let mut node = node(mode);
        let pod = pod(&mut node);
        assert_eq!(attached(&node, pod.device.ifindex), both_sides(method), "{mode:?}");
        inside(node.netns(), || node.datapath().detach(Hook::Pod, pod.device.ifindex));
        assert_eq!(attached(&node, pod.device.ifindex), []);
    }
    assert_eq!(node(AttachMode::Auto).datapath().method(), AttachMethod::Tcx);
}

#[test]
#[ignore = "needs root"]
fn a_device_attached_in_a_hurry_has_filters_until_it_is_attached_to_stay() {
    let cases = [
        (AttachMode::Auto, AttachMethod::Clsact, AttachMethod::Tcx),
        (AttachMode::Tcx, AttachMethod::Tcx, AttachMethod::Tcx),
        (AttachMode::Clsact, AttachMethod::Clsact, AttachMethod::Clsact),
    ];
    for (mode, first, last) in cases {
        let mut node = node(mode);
        let pod = pod(&mut node);
        let device = pod.device.ifindex;
        inside(node.netns(), || node.datapath().detach(Hook::Pod, device));
        inside(node.netns(), || node.datapath().attach_hurried(Hook::Pod, device));
        assert_eq!(attached(&node, device), both_sides(first), "{mode:?}");
        inside(node.netns(), || node.datapath().attach(Hook::Pod, device));
        assert_eq!(attached(&node, device), both_sides(last), "{mode:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_restart_replaces_every_program_in_place_and_a_change_of_method_leaves_one() {
    let mut node = node(AttachMode::Clsact);
    let pod = pod(&mut node);
    let device = pod.device.ifindex;
    for mode in [AttachMode::Clsact, AttachMode::Tcx, AttachMode::Tcx, AttachMode::Clsact] {
        let before: Vec<_> = node.datapath().programs().iter().map(|p| p.id).collect();
        node.restart(mode, &[&pod]).expect("the datapath can be opened again");
        let after: Vec<_> = node.datapath().programs().iter().map(|p| p.id).collect();
        assert_ne!(before, after);
        assert_eq!(attached(&node, device), both_sides(node.datapath().method()), "{mode:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn maps_of_an_earlier_process_are_used_again_and_resized_tables_keep_their_entries() {
    let bpffs = PrivateBpffs::new().expect("a bpffs can be made");
    let mut options = options(&bpffs);
    let ids = |datapath: &Datapath| {
        let mut ids: Vec<_> = datapath.maps().ids().collect();
        ids.sort_unstable();
        ids
    };
    let first = ids(&Datapath::open(&options).expect("it loads"));
    let start = std::time::Instant::now();
    let again = Datapath::open(&options).expect("it loads");
    println!("opened in {:?}", start.elapsed());
    assert_eq!(first, ids(&again));
    for program in again.programs() {
        println!("{}: {} verified instructions", program.name, program.verified_instructions);
        assert!(program.verified_instructions > 0, "{} was verified", program.name);
    }

    use skep::maps::{
        ConntrackTable, MapStore, PolicyAddrTable, PolicyCellTable, PolicyIdentityTable,
        PolicyPortTable, RangeTable,
    };
    use skep_bpf::abi::{
        ADDR_PREFIX, Addr, CtKey, CtValue, PORT_PREFIX, PolicyAddrKey, PolicyCell, PolicyCellKey,
        PolicyIdentityKey, PolicyPortKey,
    };
    let key = CtKey { port_a: 7, ..Default::default() };
    let value = CtValue { kind: 1, ..Default::default() };
    let (identity, class) = (PolicyIdentityKey { policy: 9, identity: 300 }, 4);
    let place = PolicyCellKey { policy: 9, ..Default::default() };
    let cell = PolicyCell { rule_id: 5, ..Default::default() };
    let addr = Addr::v4([192, 0, 2, 0]);
    let prefix = PolicyAddrKey { prefix_len: ADDR_PREFIX + 120, policy: 9, addr };
    let port = PolicyPortKey {
        prefix_len: PORT_PREFIX + 16,
        policy: 9,
        proto: 6,
        port_be: 80_u16.to_be_bytes(),
        ..Default::default()
    };
    let maps = again.maps();
    maps.put::<ConntrackTable>(&key, &value).expect("the table takes an entry");
    maps.put::<PolicyIdentityTable>(&identity, &class).expect("the table takes an entry");
    maps.put::<PolicyCellTable>(&place, &cell).expect("the table takes an entry");
    maps.put::<PolicyAddrTable>(&prefix, &6).expect("the table takes an entry");
    maps.put::<PolicyPortTable>(&port, &7).expect("the table takes an entry");
    (options.conntrack_entries, options.policy_entries) = (8192, 2048);
    let grown = Datapath::open(&options).expect("it loads");
    let maps = grown.maps();
    assert_eq!(maps.capacity::<ConntrackTable>().expect("it exists"), 8192);
    let capacities = [
        maps.capacity::<PolicyCellTable>(),
        maps.capacity::<PolicyIdentityTable>(),
        maps.capacity::<PolicyAddrTable>(),
        maps.capacity::<PolicyPortTable>(),
    ];
    assert_eq!(capacities.map(|room| room.expect("it exists")), [2048; 4]);
    assert_eq!(maps.capacity::<RangeTable>().expect("it exists"), options.backend_entries);
    assert_eq!(maps.get::<ConntrackTable>(&key).expect("readable"), Some(value));
    assert_eq!(maps.get::<PolicyIdentityTable>(&identity).expect("readable"), Some(class));
    assert_eq!(maps.get::<PolicyCellTable>(&place).expect("readable"), Some(cell));
    assert_eq!(maps.get::<PolicyAddrTable>(&prefix).expect("readable"), Some(6));
    assert_eq!(maps.get::<PolicyPortTable>(&port).expect("readable"), Some(7));
    let changed = ids(&grown).into_iter().filter(|id| !first.contains(id)).count();
    assert_eq!(changed, 5, "only the resized tables are new");
    remove_all(&options.bpf_dir).expect("everything can be removed");
}

#[test]
#[ignore = "needs root"]
fn backends_of_an_earlier_layout_are_carried_over_and_those_of_another_size() {
    use skep::maps::{BackendTable, MapStore};
    use skep_bpf::abi::BackendValue;

    let bpffs = PrivateBpffs::new().expect("a bpffs can be made");
    let mut options = options(&bpffs);
    let backend = |port| BackendValue { port, proto: 6, ..BackendValue::default() };
    let maps = options.bpf_dir.join("maps");
    std::fs::create_dir_all(&maps).expect("a directory can be made");
    // Once it was a hash, which may have any numbers; 1 is BPF_F_NO_PREALLOC.
    let mut hash =
        aya::maps::HashMap::<_, u32, BackendValue>::create(1024, 1).expect("a map can be made");
    for id in [1_u32, 7, 1024, 5000] {
        hash.insert(id, backend(id as u16), 0).expect("it takes an entry");
    }
    hash.pin(maps.join("backend_v4")).expect("it can be pinned");

    let mut expected = vec![(1, backend(1)), (7, backend(7)), (1024, backend(1024))];
    for room in [1024, 4096, 512] {
        options.backend_entries = room;
        let datapath = Datapath::open(&options).expect("it loads");
        expected.retain(|(id, _)| *id <= room);
        let maps = datapath.maps();
        assert_eq!(maps.entries::<BackendTable>().expect("listed"), expected, "room for {room}");
        assert_eq!(maps.capacity::<BackendTable>().expect("it exists"), room);
    }
    remove_all(&options.bpf_dir).expect("everything can be removed");
}

#[test]
#[ignore = "needs root"]
fn a_restart_under_traffic_loses_no_packet() {
    for (mode, _) in BOTH {
        let mut node = node(mode);
        let (a, b) = (pod(&mut node), pod(&mut node));
        let flows: Vec<_> = a
            .addresses
            .iter()
            .zip(b.addresses.iter())
            .map(|(from, to)| (udp(&a.netns, from), udp(&b.netns, to), to))
            .collect();
        for (from, to, target) in &flows {
            udp_exchange(from, to, *target).expect("the path works");
        }
        let stop = AtomicBool::new(false);
        let counts: Vec<(u64, u64)> = thread::scope(|scope| {
            let streams: Vec<_> = flows
                .iter()
                .map(|(from, to, target)| {
                    let sender = scope.spawn(|| count_sent(from, to, *target, &stop));
                    (sender, scope.spawn(|| count_received(to)))
                })
                .collect();
            for _ in 0..3 {
                node.restart(mode, &[&a, &b]).expect("the datapath can be opened again");
            }
            stop.store(true, Ordering::Relaxed);
            let done = |thread: thread::ScopedJoinHandle<'_, u64>| thread.join().expect("it ends");
            streams.into_iter().map(|(sent, received)| (done(sent), done(received))).collect()
        });
        for (sent, received) in counts {
            assert!(sent > 100, "{mode:?}: only {sent} packets were under way");
            assert_eq!(received, sent, "{mode:?}: packets were lost");
        }
    }
}

/// Sends a packet each millisecond, then one that says the end.
fn count_sent(from: &UdpSocket, to: &UdpSocket, target: IpAddr, stop: &AtomicBool) -> u64 {
    let port = to.local_addr().expect("it is bound").port();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        from.send_to(b"tick", (target, port)).expect("it is sent");
        sent += 1;
        thread::sleep(Duration::from_millis(1));
    }
    from.send_to(b"end", (target, port)).expect("it is sent");
    sent
}

fn count_received(socket: &UdpSocket) -> u64 {
    let mut buffer = [0; 16];
    let mut received = 0;
    loop {
        match socket.recv(&mut buffer).expect("the end arrives") {
            3 => return received,
            _ => received += 1,
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_pin_of_a_device_that_is_gone_does_not_hide_the_next_device_with_its_number() {
    let mut node = node(AttachMode::Tcx);
    let pod = pod(&mut node);
    let device = pod.device.ifindex;
    let spec = VethSpec {
        name: "again0",
        mac: None,
        peer_name: "again1",
        peer_mac: None,
        peer_netns: None,
        mtu: 1500,
    };
    let pins = node.options().bpf_dir.join("links");
    inside(node.netns(), || {
        Netlink::open()?.delete_link(device)?;
        assert!(pins.join(format!("pod-{device}-ingress")).exists(), "the pin outlives the device");
        Netlink::open()?.create_veth_pair(&spec)
    });
    let next = inside(node.netns(), || Netlink::open()?.link_by_name("again0")).index;
    // The kernel counts on; a pin under the next device's name stands for a wrapped counter.
    for direction in ["ingress", "egress"] {
        std::fs::rename(
            pins.join(format!("pod-{device}-{direction}")),
            pins.join(format!("pod-{next}-{direction}")),
        )
        .expect("a pin can be renamed");
    }
    inside(node.netns(), || node.datapath().attach(Hook::Pod, next));
    assert_eq!(attached(&node, next), both_sides(AttachMethod::Tcx));

    inside(node.netns(), || Netlink::open()?.delete_link(next));
    node.restart(AttachMode::Tcx, &[]).expect("the datapath can be opened again");
    let left = std::fs::read_dir(&pins).expect("the directory exists").count();
    assert_eq!(left, 0, "opening the datapath removes pins without a device");
}

#[test]
#[ignore = "needs root"]
fn programs_of_others_are_reported_and_left_alone() {
    for (mode, method) in BOTH {
        let mut node = node(mode);
        let pod = pod(&mut node);
        let device = pod.device.ifindex;
        let other_fs = PrivateBpffs::new().expect("a bpffs can be made");
        let options = LoadOptions {
            bpf_dir: other_fs.path().join("other"),
            attach: AttachMode::Tcx,
            conntrack_entries: 1024,
            backend_entries: 1024,
            policy_entries: 1024,
        };
        let other = inside(node.netns(), || Datapath::open(&options));
        inside(node.netns(), || other.attach(Hook::Node, device));
        node.restart(mode, &[&pod]).expect("the datapath can be opened again");
        let found = attached(&node, device);
        let foreign = found.iter().filter(|(.., owner)| *owner == Owner::Foreign).count();
        let own = found.iter().filter(|entry| entry.2 == Owner::Current && entry.1 == method);
        assert_eq!((foreign, own.count()), (2, 2), "{mode:?}: {found:?}");
        inside(node.netns(), || remove_all(&node.options().bpf_dir));
        let left = attached(&node, device);
        assert_eq!(left.iter().filter(|(.., owner)| *owner == Owner::Foreign).count(), 2);
        assert_eq!(left.len(), 2, "{mode:?}: {left:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn removing_everything_leaves_no_pin_no_program_and_no_qdisc() {
    for (mode, _) in BOTH {
        let mut node = node(mode);
        let pod = pod(&mut node);
        inside(node.netns(), || remove_all(&node.options().bpf_dir));
        assert!(!node.options().bpf_dir.exists());
        let name = pod.host_name.clone();
        let qdiscs = node
            .netns()
            .run(|| std::process::Command::new("tc").args(["qdisc", "show", "dev", &name]).output())
            .expect("the namespace can be entered")
            .expect("tc runs");
        let qdiscs = String::from_utf8_lossy(&qdiscs.stdout).into_owned();
        assert!(!qdiscs.contains("clsact"), "{mode:?}: {qdiscs}");
        inside(node.netns(), || remove_all(&node.options().bpf_dir));
    }
}

#[test]
#[ignore = "needs root"]
fn without_a_bpffs_the_error_says_what_to_mount() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let options = LoadOptions {
        bpf_dir: directory.path().join("skep"),
        attach: AttachMode::Auto,
        conntrack_entries: 1024,
        backend_entries: 1024,
        policy_entries: 1024,
    };
    let error = Datapath::open(&options).expect_err("a plain directory is refused");
    assert!(matches!(error, LoadError::NoBpffs { .. }), "{error}");
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    assert!(!options.bpf_dir.exists(), "nothing is left behind");
}

#[test]
#[ignore = "needs root"]
fn attaching_to_a_device_that_is_gone_names_program_device_and_method() {
    let node = node(AttachMode::Tcx);
    let error = node
        .netns()
        .run(|| node.datapath().attach(Hook::Pod, IfIndex(4711)))
        .expect("the namespace can be entered")
        .expect_err("there is no such device");
    assert_eq!(error.to_string(), "cannot attach from_pod to device 4711 by tcx");
}
