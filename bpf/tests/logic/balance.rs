//! Services at connect(2), with tables in memory.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use skep_bpf::{
    abi::{
        Addr, AffinityKey, AffinityValue, BackendValue, Counted, Direction, DropReason, Event,
        FrontendKey, FrontendValue, ListBlock, ListKey, MemberKey, NetnsValue, RangeKey,
        SocketValue, event_kind, frontend_flags, frontend_scope, metric_index,
    },
    balance::{Answer, Services, Socket, connect, peer, received, send},
    env::Tell,
};

const TCP: u8 = 6;
const UDP: u8 = 17;
const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct Tables {
    frontends: HashMap<FrontendKey, FrontendValue>,
    lists: HashMap<u32, Vec<u32>>,
    members: BTreeSet<(u32, u32)>,
    ranges: BTreeSet<(u32, Addr)>,
    netns: HashMap<u64, NetnsValue>,
    backends: HashMap<u32, BackendValue>,
    affinity: RefCell<HashMap<AffinityKey, AffinityValue>>,
    nodes: Vec<Addr>,
    /// Of this node, and the cookie of its namespace.
    here: Vec<Addr>,
    host: u64,
    now: Cell<u64>,
    events: RefCell<Vec<Event>>,
    counted: RefCell<Vec<u32>>,
    random: Cell<u32>,
}

impl Tell for Tables {
    fn count(&self, index: u32, _bytes: u32) {
        self.counted.borrow_mut().push(index);
    }
    fn emit(&self, event: &Event) -> bool {
        self.events.borrow_mut().push(*event);
        true
    }
    fn exact_now(&self) -> u64 {
        self.now.get()
    }
}

impl Services for Tables {
    fn frontend(&self, key: &FrontendKey) -> Option<&FrontendValue> {
        self.frontends.get(key)
    }
    fn place(&self, key: &ListKey, place: usize) -> Option<u32> {
        let at = key.block as usize * ListBlock::PLACES + place;
        self.lists.get(&key.list)?.get(at).copied()
    }
    fn is_member(&self, key: &MemberKey) -> bool {
        self.members.contains(&(key.service_id, key.backend_id))
    }
    fn backend(&self, id: u32) -> Option<&BackendValue> {
        self.backends.get(&id)
    }
    fn is_in_range(&self, key: &RangeKey) -> bool {
        self.ranges.contains(&(key.service_id, key.addr))
    }
    fn netns(&self, cookie: u64) -> Option<&NetnsValue> {
        self.netns.get(&cookie)
    }
    fn affinity(&self, key: &AffinityKey) -> Option<AffinityValue> {
        self.affinity.borrow().get(key).copied()
    }
    fn put_affinity(&self, key: &AffinityKey, value: &AffinityValue) {
        self.affinity.borrow_mut().insert(*key, *value);
    }
    fn is_node(&self, addr: &Addr) -> bool {
        self.nodes.contains(addr)
    }
    fn is_here(&self, addr: &Addr) -> bool {
        self.here.contains(addr)
    }
    fn is_host(&self, cookie: u64) -> bool {
        self.host == cookie
    }
    fn now(&self) -> u64 {
        self.now.get()
    }
    fn random(&self) -> u32 {
        // All of the range, evenly, and near ones far apart (the golden ratio).
        self.random.set(self.random.get().wrapping_add(0x9e37_79b1));
        self.random.get()
    }
}

impl Tables {
    /// Adds a frontend with backends `10.0.0.ID:8080`, or `fd00::ID`, by its family.
    fn put(&mut self, address: &str, flags: u32, affinity: u32, ids: &[u32]) {
        let addr = addr(address);
        let service_id = 100 + self.frontends.len() as u32;
        let (backends, list) = (ids.len() as u32, 2 * service_id);
        let value = FrontendValue {
            service_id,
            backends,
            places: backends,
            list,
            flags,
            affinity,
            ..FrontendValue::default()
        };
        self.frontends.insert(key(addr), value);
        self.lists.insert(list, ids.to_vec());
        for id in ids {
            self.members.insert((service_id, *id));
            let v4 = address.contains('.');
            let text = if v4 { format!("10.0.0.{id}") } else { format!("fd00::{id}") };
            let value =
                BackendValue { addr: self::addr(&text), port: 8080, proto: TCP, reserved: [0; 5] };
            self.backends.insert(*id, value);
        }
    }
}

impl Tables {
    /// The same, for UDP and without flags.
    fn put_udp(&mut self, address: &str, ids: &[u32]) {
        self.put(address, 0, 0, ids);
        let tcp = key(addr(address));
        let value = self.frontends.remove(&tcp).expect("just put");
        self.frontends.insert(FrontendKey { proto: UDP, ..tcp }, value);
    }
}

fn addr(text: &str) -> Addr {
    text.parse::<IpAddr>().expect("an address").into()
}

fn key(addr: Addr) -> FrontendKey {
    FrontendKey { addr, port: 80, proto: TCP, scope: frontend_scope::INTERNAL, reserved: 0 }
}

struct Tcp {
    destination: Cell<(Addr, u16)>,
    kept: Cell<Option<SocketValue>>,
    client: u64,
    protocol: u8,
}

impl Tcp {
    fn to(text: &str) -> Self {
        Self {
            destination: Cell::new((addr(text), 80)),
            kept: Cell::new(None),
            client: 1,
            protocol: TCP,
        }
    }

    fn shown(&self) -> String {
        let (addr, port) = self.destination.get();
        format!("{}:{port}", IpAddr::from(addr))
    }
}

impl Socket for Tcp {
    fn protocol(&self) -> u32 {
        self.protocol.into()
    }
    fn destination(&self) -> (Addr, u16) {
        self.destination.get()
    }
    fn set_destination(&self, addr: &Addr, port: u16) {
        self.destination.set((*addr, port));
    }
    fn netns(&self) -> u64 {
        self.client
    }
    fn remembered(&self) -> Option<SocketValue> {
        self.kept.get()
    }
    fn remember(&self, value: &SocketValue) {
        self.kept.set(Some(*value));
    }
}

#[test]
fn a_socket_is_connected_to_a_backend_and_shows_the_service() {
    for (vip, backend) in [("10.96.0.1", "10.0.0.7:8080"), ("fd96::1", "fd00::7:8080")] {
        let mut tables = Tables::default();
        tables.put(vip, 0, 0, &[7]);
        let socket = Tcp::to(vip);
        assert_eq!(connect(&tables, &socket), Answer::Go);
        assert_eq!(socket.shown(), backend);
        peer(&socket);
        assert_eq!(socket.shown(), format!("{vip}:80"));
    }
}

#[test]
fn connections_are_spread_evenly() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 0, &[1, 2, 3]);
    let mut hits: HashMap<String, u32> = HashMap::new();
    for _ in 0..3000 {
        let socket = Tcp::to("10.96.0.1");
        assert_eq!(connect(&tables, &socket), Answer::Go);
        *hits.entry(socket.shown()).or_default() += 1;
    }
    assert_eq!(hits.len(), 3);
    assert!(hits.values().all(|count| (900..1100).contains(count)), "{hits:?}");
}

#[test]
fn who_has_no_backends_refuses_at_once() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 0, &[]);
    tables.put("10.96.0.2", frontend_flags::DROP_IF_EMPTY, 0, &[]);
    assert_eq!(connect(&tables, &Tcp::to("10.96.0.1")), Answer::Refused);
    assert_eq!(connect(&tables, &Tcp::to("10.96.0.2")), Answer::Unreachable);
}

#[test]
fn what_is_no_service_stays_as_it_is() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 0, &[7]);
    tables.put("10.96.0.2", frontend_flags::RANGES, 0, &[7]);
    tables.put_udp("10.96.0.3", &[8]);
    let udp = Tcp { protocol: UDP, ..Tcp::to("10.96.0.3") };
    let other_port = Tcp::to("10.96.0.1");
    other_port.destination.set((addr("10.96.0.1"), 81));
    for socket in [Tcp::to("10.0.0.7"), other_port, udp, Tcp::to("10.96.0.2")] {
        let before = socket.shown();
        assert_eq!(connect(&tables, &socket), Answer::Go);
        assert_eq!(socket.shown(), before);
        peer(&socket);
        assert_eq!(socket.shown(), before);
    }
}

/// What a node sends to itself goes by the loopback device, where no program looks.
#[test]
fn datagrams_of_a_node_to_services_at_its_own_addresses_leave_it() {
    const HOST: u64 = 5;
    const POD: u64 = 6;
    for (every, own, second, other, stand_in) in [
        ("0.0.0.0", "192.168.0.2", "172.16.0.2", "192.168.0.3", "192.0.0.8"),
        ("::", "2001:db8::2", "2001:db8:1::2", "2001:db8::3", "fd00:73:6b:65:70::2"),
    ] {
        let mut tables = Tables { host: HOST, ..Tables::default() };
        tables.put_udp(every, &[7]);
        tables.here = vec![addr(own), addr(second)];
        tables.nodes = vec![addr(own), addr(second), addr(other)];
        let at = |to: &str| format!("{to}:80");
        for (client, to, port, sent) in [
            (HOST, own, 80, stand_in),
            (HOST, second, 80, stand_in),
            (HOST, other, 80, other),
            (HOST, own, 81, own),
            (POD, own, 80, own),
        ] {
            let udp = || Tcp { protocol: UDP, client, ..Tcp::to(to) };
            let (connected, loose) = (udp(), udp());
            connected.destination.set((addr(to), port));
            loose.destination.set((addr(to), port));
            assert_eq!(connect(&tables, &connected), Answer::Go);
            send(&tables, &loose);
            assert_eq!(connected.shown(), format!("{sent}:{port}"));
            assert_eq!(loose.shown(), connected.shown());
            peer(&connected);
            received(&loose);
            assert_eq!(connected.shown(), format!("{to}:{port}"));
            assert_eq!(loose.shown(), connected.shown());
        }
        // One socket, two ports, and a stranger.
        let socket = Tcp { protocol: UDP, client: HOST, ..Tcp::to(own) };
        send(&tables, &socket);
        for (from, shown) in [((stand_in, 53), format!("{own}:53")), ((other, 80), at(other))] {
            socket.destination.set((addr(from.0), from.1));
            received(&socket);
            assert_eq!(socket.shown(), shown);
        }
        let silent = Tcp { protocol: UDP, client: HOST, ..Tcp::to(stand_in) };
        received(&silent);
        assert_eq!(silent.shown(), at(stand_in), "it never sent there");
        assert!(tables.events.borrow().is_empty(), "its packets are told");
    }
}

#[test]
fn source_ranges_are_asked_about_the_address_of_the_namespace() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", frontend_flags::RANGES, 0, &[7]);
    let (pod, other, node) = ("10.0.0.9", "10.0.0.10", "192.168.0.2");
    for (cookie, own) in [(5, pod), (6, other), (7, node)] {
        tables.netns.insert(cookie, NetnsValue { addr_v4: addr(own), addr_v6: Addr::ZERO });
    }
    tables.nodes = vec![addr(node)];
    tables.ranges.insert((100, addr(pod)));
    let answer = |tables: &Tables, client| {
        let socket = Tcp { client, ..Tcp::to("10.96.0.1") };
        (connect(tables, &socket), socket.shown())
    };
    let service = "10.96.0.1:80".to_owned();
    assert_eq!(answer(&tables, 5), (Answer::Go, "10.0.0.7:8080".into()));
    assert_eq!(answer(&tables, 6), (Answer::Go, service.clone()), "its packets are dropped");
    assert_eq!(answer(&tables, 7), (Answer::Unreachable, service));
    tables.ranges.insert((100, addr(node)));
    assert_eq!(answer(&tables, 7), (Answer::Go, "10.0.0.7:8080".into()));
}

#[test]
fn a_socket_that_is_connected_again_elsewhere_shows_where() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 0, &[7]);
    let socket = Tcp::to("10.96.0.1");
    assert_eq!(connect(&tables, &socket), Answer::Go);
    socket.destination.set((addr("10.0.0.7"), 8080));
    assert_eq!(connect(&tables, &socket), Answer::Go);
    peer(&socket);
    assert_eq!(socket.shown(), "10.0.0.7:8080", "the same backend, but nobody said a service");
}

#[test]
fn node_ports_answer_at_every_node_and_nowhere_else() {
    let mut tables = Tables::default();
    tables.put("0.0.0.0", 0, 0, &[7]);
    tables.put("::", 0, 0, &[8]);
    tables.nodes = vec![addr("192.168.0.2"), addr("2001:db8::2")];
    let table = [
        ("192.168.0.2", "10.0.0.7:8080"),
        ("2001:db8::2", "fd00::8:8080"),
        ("192.168.0.3", "192.168.0.3:80"),
    ];
    for (to, shown) in table {
        let socket = Tcp::to(to);
        assert_eq!(connect(&tables, &socket), Answer::Go);
        assert_eq!(socket.shown(), shown);
    }
}

#[test]
fn a_client_stays_with_its_backend_while_that_takes_connections_and_it_comes_back_in_time() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 60, &[1, 2, 3, 4]);
    tables.now.set(1000 * SECOND);
    let visit = |tables: &Tables, client| {
        let socket = Tcp { client, ..Tcp::to("10.96.0.1") };
        assert_eq!(connect(tables, &socket), Answer::Go);
        socket.shown()
    };
    let own = visit(&tables, 1);
    for _ in 0..50 {
        tables.now.set(tables.now.get() + 59 * SECOND);
        assert_eq!(visit(&tables, 1), own, "each visit counts anew");
    }
    let others: BTreeSet<String> = (2..40).map(|client| visit(&tables, client)).collect();
    assert_eq!(others.len(), 4, "others have backends of their own");

    // Another place in the list is nothing to the client.
    tables.lists.get_mut(&200).expect("it is there").swap(0, 3);
    assert_eq!(visit(&tables, 1), own);

    // A backend that takes no connections any more has left the list.
    let id: u32 =
        own.trim_start_matches("10.0.0.").trim_end_matches(":8080").parse().expect("an id");
    tables.members.remove(&(100, id));
    tables.lists.get_mut(&200).expect("it is there").retain(|other| *other != id);
    tables.frontends.get_mut(&key(addr("10.96.0.1"))).expect("it is there").places = 3;
    let new = visit(&tables, 1);
    assert_ne!(new, own);
    assert_eq!(visit(&tables, 1), new);
}

#[test]
fn a_pod_is_one_client_by_its_address_whatever_asks() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 60, &[1, 2, 3, 4]);
    tables.put("fd00:96::1", 0, 60, &[1, 2, 3, 4]);
    let own = NetnsValue { addr_v4: addr("10.0.0.9"), addr_v6: Addr::ZERO };
    tables.netns.insert(7, own);
    for to in ["10.96.0.1", "fd00:96::1"] {
        assert_eq!(connect(&tables, &Tcp { client: 7, ..Tcp::to(to) }), Answer::Go);
    }
    let clients: BTreeSet<Addr> = tables.affinity.borrow().keys().map(|key| key.client).collect();
    // It has no address of the other family.
    assert_eq!(clients, [own.addr_v4, Addr::netns(7)].into());
}

#[test]
fn backends_pass_by_a_redirect_that_is_not_about_them() {
    for (vip, pod) in [("10.96.0.1", "10.0.0.9"), ("fd00:96::1", "fd00::9")] {
        let mut tables = Tables::default();
        tables.put(vip, frontend_flags::PASSED_BY_BACKENDS, 0, &[1]);
        let (mut v4, mut v6) = (Addr::ZERO, Addr::ZERO);
        *(if vip.contains('.') { &mut v4 } else { &mut v6 }) = addr(pod);
        tables.netns.insert(7, NetnsValue { addr_v4: v4, addr_v6: v6 });
        let visit = |tables: &Tables, client| {
            let socket = Tcp { client, ..Tcp::to(vip) };
            assert_eq!(connect(tables, &socket), Answer::Go);
            socket.shown()
        };
        let redirected = visit(&tables, 7);
        tables.ranges.insert((100, addr(pod)));
        assert_eq!(visit(&tables, 7), Tcp::to(vip).shown(), "there is nothing behind it");
        let behind = FrontendKey { scope: frontend_scope::BEHIND, ..key(addr(vip)) };
        tables.put(vip, 0, 0, &[2]);
        let service = tables.frontends.remove(&key(addr(vip))).expect("it was put");
        tables.put(vip, frontend_flags::PASSED_BY_BACKENDS, 0, &[1]);
        let again = tables.frontends.get_mut(&key(addr(vip))).expect("it was put");
        again.service_id = 100;
        tables.frontends.insert(behind, service);
        assert_ne!(visit(&tables, 7), redirected, "the service's own backend");
        assert_eq!(visit(&tables, 8), redirected, "others are redirected");
    }
}

#[test]
fn a_client_that_is_late_is_balanced_anew() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 60, &[1, 2, 3, 4]);
    let visits: BTreeSet<String> = (1..60)
        .map(|visit| {
            tables.now.set(visit * 60 * SECOND);
            let socket = Tcp::to("10.96.0.1");
            assert_eq!(connect(&tables, &socket), Answer::Go);
            socket.shown()
        })
        .collect();
    assert_eq!(visits.len(), 4);
}

/// What a connect told: kind, client, the service and where it went.
fn told(tables: &Tables) -> (u8, String, String, String) {
    let event = tables.events.borrow_mut().pop().expect("something was told");
    assert!(tables.events.borrow().is_empty(), "and only that");
    let at = |addr: Addr, port| format!("{}:{port}", IpAddr::from(addr));
    let (service, backend) = (at(event.service, event.service_port), at(event.dst, event.dport));
    (event.kind, IpAddr::from(event.src).to_string(), service, backend)
}

#[test]
fn who_connects_to_a_service_is_told_with_the_backend() {
    for (vip, pod, backend) in
        [("10.96.0.1", "10.0.0.9", "10.0.0.3"), ("fd96::1", "fd00::9", "fd00::3")]
    {
        let mut tables = Tables::default();
        tables.put(vip, 0, 0, &[3]);
        let (mut v4, mut v6) = (Addr::ZERO, Addr::ZERO);
        *(if vip.contains('.') { &mut v4 } else { &mut v6 }) = addr(pod);
        tables.netns.insert(7, NetnsValue { addr_v4: v4, addr_v6: v6 });
        connect(&tables, &Tcp { client: 7, ..Tcp::to(vip) });
        let all = (format!("{vip}:80"), format!("{backend}:8080"));
        assert_eq!(
            told(&tables),
            (event_kind::SOCKET, pod.to_owned(), all.0.clone(), all.1.clone())
        );
        connect(&tables, &Tcp { client: 8, ..Tcp::to(vip) });
        let nobody = if vip.contains('.') { "0.0.0.0" } else { "::" };
        assert_eq!(told(&tables), (event_kind::SOCKET, nobody.to_owned(), all.0, all.1));
        connect(&tables, &Tcp::to(pod));
        assert!(tables.events.borrow().is_empty(), "that is no service");
        assert!(tables.counted.borrow().is_empty(), "packets are counted elsewhere");
    }
}

#[test]
fn a_service_that_has_nobody_is_told_and_counted() {
    let mut tables = Tables::default();
    tables.put("10.96.0.1", 0, 0, &[]);
    connect(&tables, &Tcp::to("10.96.0.1"));
    let service = "10.96.0.1:80".to_owned();
    assert_eq!(told(&tables), (event_kind::DROP, "0.0.0.0".into(), service.clone(), service));
    let reason = Counted::Drop(DropReason::NoBackend);
    assert_eq!(*tables.counted.borrow(), [metric_index(reason, Direction::Egress)]);
}
