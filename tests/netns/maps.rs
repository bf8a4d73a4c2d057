//! The kernel's maps behave as the store that the other parts are tested with, and events arrive.

use std::{collections::BTreeMap, sync::Arc};

use skep::{
    bench::StandaloneNode,
    events::Event,
    kernel::{
        AttachMode, Datapath, EventReader, KernelMaps, LoadOptions, MapWrite, PrivateBpffs,
        TestPacket,
    },
    maps::{
        BackendTable, CollectorOptions, ConntrackCollector, ConntrackTable, IpcacheTable, MapError,
        MapStore, MemoryStore, NodeAddrTable, Table,
    },
};
use skep_bpf::abi::{Addr, BackendValue, CtKey, CtValue, IpcacheKey, IpcacheValue, Zone, ct_kind};

/// How many backends there is room for.
const ROOM: u32 = 1024;

fn datapath() -> (PrivateBpffs, Datapath) {
    let bpffs = PrivateBpffs::new().expect("a bpffs can be made");
    let options = LoadOptions {
        bpf_dir: bpffs.path().join("skep"),
        attach: AttachMode::Auto,
        conntrack_entries: 8192,
        backend_entries: ROOM,
        policy_entries: 1024,
    };
    let datapath = Datapath::open(&options).expect("the datapath loads");
    (bpffs, datapath)
}

fn address(n: u16) -> Addr {
    let [high, low] = n.to_be_bytes();
    if n.is_multiple_of(2) {
        Addr::v4([10, 1, high, low])
    } else {
        Addr::v6([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }
}

/// The same operations on any store.
fn exercise(store: &impl MapStore) -> Result<(), MapError> {
    let entries: Vec<_> = (0..500).map(|n| (address(n), u32::from(n))).collect();
    store.put_all::<NodeAddrTable>(&entries)?;
    store.put::<NodeAddrTable>(&address(3), &1000)?;
    assert_eq!(store.get::<NodeAddrTable>(&address(3))?, Some(1000));
    assert_eq!(store.get::<NodeAddrTable>(&address(501))?, None);
    store.delete::<NodeAddrTable>(&address(3))?;
    store.delete::<NodeAddrTable>(&address(3))?;
    let gone: Vec<_> = [5, 501, 6, 502].map(address).to_vec();
    store.delete_all::<NodeAddrTable>(&gone)?;
    let left: BTreeMap<_, _> = store.entries::<NodeAddrTable>()?.into_iter().collect();
    let wanted: BTreeMap<_, _> =
        (0..500).filter(|n| ![3, 5, 6].contains(n)).map(|n| (address(n), u32::from(n))).collect();
    assert_eq!(left, wanted);

    let prefixes: Vec<_> = (0..300_u16)
        .map(|n| {
            let key = IpcacheKey { prefix_len: 128, addr: address(n) };
            (key, IpcacheValue { identity: n.into(), ..IpcacheValue::default() })
        })
        .collect();
    store.put_all::<IpcacheTable>(&prefixes)?;
    let listed: BTreeMap<_, _> = store.entries::<IpcacheTable>()?.into_iter().collect();
    assert_eq!(listed, prefixes.iter().copied().collect());
    for (key, _) in &prefixes {
        store.delete::<IpcacheTable>(key)?;
    }
    assert_eq!(store.entries::<IpcacheTable>()?, []);

    let backend = |n: u32| {
        let addr = address(n as u16);
        (n, BackendValue { addr, port: 80, proto: 6, ..BackendValue::default() })
    };
    let backends: Vec<_> = [1, 2, 3, 500, 1023, ROOM].map(backend).to_vec();
    store.put_all::<BackendTable>(&backends)?;
    store.put::<BackendTable>(&4, &backend(4).1)?;
    store.delete::<BackendTable>(&4)?;
    store.delete::<BackendTable>(&(ROOM + 1))?;
    store.delete_all::<BackendTable>(&[3, ROOM + 7, 500, 501])?;
    assert_eq!(store.get::<BackendTable>(&2)?, Some(backend(2).1));
    for absent in [0, 3, 4, 500, 501, ROOM + 1] {
        assert_eq!(store.get::<BackendTable>(&absent)?, None, "{absent}");
    }
    assert_eq!(store.entries::<BackendTable>()?, [1, 2, 1023, ROOM].map(backend));
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn kernel_maps_and_the_store_in_memory_agree() {
    let (_bpffs, datapath) = datapath();
    exercise(&MemoryStore::default()).expect("memory never fails");
    exercise(&*datapath.maps()).expect("the kernel takes it");
}

#[test]
#[ignore = "needs root"]
fn a_full_map_says_which_map_and_why() {
    let (_bpffs, datapath) = datapath();
    let maps = datapath.maps();
    let error = (0..20_000_u32)
        .find_map(|n| {
            let key = CtKey { port_a: n as u16, port_b: (n >> 16) as u16, ..CtKey::default() };
            maps.put::<ConntrackTable>(&key, &CtValue::default()).err()
        })
        .expect("8192 entries are not 20000");
    assert_eq!(error.to_string(), "cannot write to map ct_v4");
    assert_eq!(error.source.raw_os_error(), Some(libc::E2BIG));
    let writes = maps.writes();
    let writes = writes.iter().find(|writes| writes.map == ConntrackTable::NAME).expect("counted");
    assert!(writes.put >= 8192, "{writes:?}");
    assert_eq!(writes.refused, [(MapWrite::Put, "E2BIG".to_owned(), 1)]);
}

#[test]
#[ignore = "needs root"]
fn there_is_room_for_as_many_backends_as_was_asked_for() {
    let (_bpffs, datapath) = datapath();
    let maps = datapath.maps();
    assert_eq!(maps.capacity::<BackendTable>().expect("it exists"), ROOM);
    let backend = BackendValue { proto: 6, ..BackendValue::default() };
    maps.put::<BackendTable>(&ROOM, &backend).expect("the last one");
    let error = maps.put::<BackendTable>(&(ROOM + 1), &backend).expect_err("one too many");
    assert_eq!(
        error.advice("x"),
        "map backend_v4 is full; the agent's setting x gives it more room"
    );
}

#[test]
#[ignore = "needs root"]
fn the_collector_empties_a_kernel_table_in_slices_and_keeps_what_lives() {
    let (_bpffs, datapath) = datapath();
    let maps: Arc<KernelMaps> = datapath.maps();
    const SECOND: u64 = 1_000_000_000;
    let mut live = Vec::new();
    for n in 0..3000_u16 {
        let (key, _) =
            CtKey::canonical(Zone::Pod, (17, 0), (address(n), 1000), (address(n + 1), 53));
        let last_seen = if n.is_multiple_of(10) { 500 * SECOND } else { SECOND };
        let value =
            CtValue { kind: ct_kind::TRACKED, last_seen, endpoint: [5, 0], ..CtValue::default() };
        maps.put::<ConntrackTable>(&key, &value).expect("there is room");
        if n.is_multiple_of(10) {
            live.push(key);
        }
    }
    let options = CollectorOptions { slice: 256, capacity: 8192 };
    let mut collector = ConntrackCollector::new(Arc::clone(&maps), options);
    let mut steps = 1;
    let sweep = loop {
        if let Some(sweep) = collector.step(501 * SECOND).expect("the kernel takes it") {
            break sweep;
        }
        steps += 1;
    };
    assert!(steps > 5, "{steps} steps");
    assert_eq!((sweep.seen, sweep.removed), (3000, 2700));
    let mut left: Vec<_> =
        maps.entries::<ConntrackTable>().expect("it lists").iter().map(|(key, _)| *key).collect();
    left.sort_unstable();
    live.sort_unstable();
    assert_eq!(left, live);
}

#[test]
#[ignore = "needs root"]
fn events_of_dropped_packets_arrive_and_their_counters_move() {
    let mut node = StandaloneNode::new(AttachMode::Auto).expect("a node can be made");
    let pod = node.add_pod().expect("a pod can be made");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let events: Vec<Event> = runtime.block_on(async {
        let mut reader = EventReader::open(node.datapath()).expect("the buffer opens");
        let mut batch = Vec::new();
        // The second round comes when the reader has gone to sleep.
        for round in 1..=2 {
            send_runt(&node, &pod);
            while batch.len() < round {
                let read = reader.next_batch(&mut batch);
                tokio::time::timeout(crate::support::DEADLINE, read)
                    .await
                    .expect("an event arrives")
                    .expect("the buffer can be read");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(reader.malformed(), 0);
        batch
    });
    assert!(events.iter().all(|event| event.time.as_nanos() > 0));
    let metrics = node.datapath().maps().metrics().expect("the counters can be read");
    assert!(metrics.iter().map(|(_, counter)| counter.packets).sum::<u64>() >= 2);
}

/// A packet with another source address than the pod's.
fn send_runt(node: &StandaloneNode, pod: &skep::bench::StandalonePod) {
    let mut data = Vec::new();
    data.extend(pod.device.host_mac.0);
    data.extend(pod.device.mac.0);
    data.extend([8, 0]);
    data.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 77, 192, 0, 2, 78]);
    let sum = crate::support::checksum(&data[14..34]).to_be_bytes();
    data[24..26].copy_from_slice(&sum);
    data.extend([0, 7, 0, 9, 0, 8, 0, 0]);
    let ifindex = pod.device.ifindex.0;
    let packet = TestPacket { data, ifindex, ingress_ifindex: ifindex, ..TestPacket::default() };
    node.netns()
        .run(|| node.datapath().test_run("from_pod", &packet))
        .expect("the namespace can be entered")
        .expect("the program runs");
}
