//! Services for the admin API.

use std::{net::IpAddr, num::NonZeroU16, sync::Arc};

use futures::FutureExt;

use super::{
    Balancer,
    explain::{Origin, answer},
    report::report,
};
use crate::{
    api,
    kubernetes::Change,
    maps::{BackendTable, MapStore, MemoryStore},
    model::{Addresses, Family},
    service::{
        Changes, Edit, ObjectName, Protocol, Services,
        input::{
            Affinity, Conditions, Endpoint, EndpointSlice, HostPort, HostPorts, LocalPod, Place,
            PortId, Redirect, RedirectFrom, RedirectPort, RedirectRule, Selector, Service,
            ServiceKind, ServicePort, Site, SlicePort, TrafficPolicy,
        },
        maglev::Limit,
    },
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn number(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).unwrap()
}

fn site() -> Site {
    Site {
        place: Place { node: "here".into(), zone: Some("z1".into()) },
        node_ports: vec![ip("192.168.0.1")],
        nodes: ["192.168.0.1", "192.168.0.2"].map(ip).into(),
        pods: vec!["10.0.0.0/16".parse().unwrap()],
    }
}

/// A load balancer's service, of whose clients outside each node takes its own.
fn web() -> Service {
    Service {
        name: ObjectName::new("shop", "web"),
        created: 1,
        kind: ServiceKind::LoadBalancer,
        cluster_ips: Addresses { v4: Some([10, 96, 0, 1].into()), v6: None },
        external_ips: vec![ip("10.0.0.9")],
        load_balancer_ips: vec![ip("203.0.113.2")],
        ports: vec![ServicePort {
            name: "http".into(),
            protocol: Protocol::Tcp,
            port: number(80),
            node_port: Some(number(30_080)),
        }],
        affinity: Some(Affinity::default()),
        internal: TrafficPolicy::Cluster,
        external: TrafficPolicy::Local,
        source_ranges: Some(["198.51.100.0/24".parse().unwrap()].into()),
        publish_not_ready: false,
        health_check_port: None,
        distribution: None,
    }
}

fn endpoint(address: &str, node: &str, terminating: bool) -> Endpoint {
    Endpoint {
        address: ip(address),
        others: [].into(),
        conditions: Conditions { ready: !terminating, serving: true, terminating },
        node: Some(node.into()),
        zone: Some("z1".into()),
        hints: None,
    }
}

fn slice(endpoints: Vec<Endpoint>) -> EndpointSlice {
    EndpointSlice {
        name: ObjectName::new("shop", "web-1"),
        service: "web".into(),
        family: Family::V4,
        ports: vec![SlicePort { name: "http".into(), protocol: Protocol::Tcp, port: number(8080) }],
        endpoints,
    }
}

fn store(service: Service) -> Services {
    let both = vec![endpoint("10.0.0.1", "here", true), endpoint("10.0.0.2", "there", false)];
    let slice = slice(both);
    let mut services = Services::new(site());
    let _: Changes = services.apply([Edit::PutService(service), Edit::PutSlice(slice)]);
    services
}

#[test]
fn a_service_is_told_with_all_its_frontends() {
    let told = report(&store(web()));
    let [service] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((service.namespace.as_str(), service.name.as_str()), ("shop", "web"));
    assert_eq!(service.kind, api::ServiceType::LoadBalancer);
    assert_eq!(service.findings, ["external IP 10.0.0.9 is in a prefix of pods"]);
    let words = service.frontends.iter().map(|one| {
        let taking = one.backends.iter().filter(|backend| backend.takes_connections).count();
        format!("{} {} {} {taking}", one.address, one.kind.name(), one.scope.name())
    });
    assert_eq!(
        words.collect::<Vec<_>>(),
        [
            "0.0.0.0 node-port internal 1",
            "10.96.0.1 cluster-ip internal 1",
            "192.168.0.1 node-port external 1",
            "203.0.113.2 load-balancer internal 1",
            "203.0.113.2 load-balancer external 1",
        ]
    );
}

#[test]
fn a_frontend_is_told_with_its_settings_and_backends() {
    let told = report(&store(web()));
    let frontend = told[0].frontends.last().unwrap();
    assert_eq!(frontend.policy, api::TrafficPolicy::Local);
    assert_eq!(
        (frontend.affinity_seconds, frontend.when_empty),
        (Some(10_800), api::WhenEmpty::Drop)
    );
    assert_eq!(frontend.source_ranges, Some(vec!["198.51.100.0/24".parse().unwrap()]));
    let last_resort = &frontend.backends[0];
    assert_eq!(last_resort.state, api::BackendState::Terminating);
    assert!(last_resort.takes_connections);
    let place = (last_resort.node.as_deref(), last_resort.zone.as_deref());
    assert_eq!(place, (Some("here"), Some("z1")));
    let inside = &told[0].frontends[1];
    let states: Vec<_> = inside.backends.iter().map(|one| one.takes_connections).collect();
    assert_eq!(states, [true, false], "who ends only keeps what it has");
    assert_eq!(inside.source_ranges, None);
}

fn pod(address: &str, node: &str) -> Origin {
    let place = Place { node: node.into(), zone: Some("z1".into()) };
    Origin { addresses: vec![ip(address)], place: Some(place), on_host: false }
}

fn question(port: Option<u16>, to: Option<&str>) -> api::ServiceQuestion {
    api::ServiceQuestion {
        service: "shop/web".parse().unwrap(),
        from: "shop/client".parse().unwrap(),
        port,
        protocol: None,
        to: to.map(ip),
    }
}

fn told(origin: &Origin, question: &api::ServiceQuestion) -> api::ServiceExplanation {
    answer(&store(web()), question, Some(origin), None)
}

#[test]
fn a_pod_is_told_about_all_that_it_finds() {
    let told = told(&pod("10.0.0.7", "here"), &question(None, None));
    assert_eq!((told.reason, told.findings.len()), (None, 1));
    let client = told.client.unwrap();
    assert_eq!((client.scope, client.node.as_deref()), (api::Scope::Internal, Some("here")));
    let words = told
        .connections
        .iter()
        .map(|one| format!("{}:{} {:?} {}", one.address, one.port, one.hook, one.is_taken()));
    assert_eq!(
        words.collect::<Vec<_>>(),
        [
            "0.0.0.0:30080 Connect true",
            "10.96.0.1:80 Connect true",
            // The client is in none of the source ranges.
            "203.0.113.2:80 Packet false",
        ]
    );
    let one = &told.connections[1];
    assert_eq!(
        (one.topology, one.affinity_seconds),
        (api::Topology::IncompleteHints, Some(10_800))
    );
    let fates: Vec<_> = one.endpoints.iter().map(|one| (one.fate, one.takes_connections)).collect();
    assert_eq!(fates, [(api::Fate::Draining, false), (api::Fate::Chosen, true)]);
    assert_eq!(one.endpoints[0].node.as_deref(), Some("here"));
}

#[test]
fn a_question_may_be_about_one_address_or_port() {
    let inside = pod("10.0.0.7", "there");
    let told = |port, to| told(&inside, &question(port, to));
    assert_eq!(told(Some(80), None).connections.len(), 2);
    let node_port = told(None, Some("192.168.0.2")).connections;
    assert_eq!((node_port.len(), node_port[0].address), (1, ip("192.168.0.2")));
    let reason = told(Some(81), Some("10.96.0.1")).reason;
    assert_eq!(reason.as_deref(), Some("service shop/web has no frontend at 10.96.0.1, port 81"));
}

#[test]
fn clients_outside_are_balanced_packet_by_packet() {
    let outside = Origin { addresses: vec![ip("198.51.100.9")], place: None, on_host: false };
    let explained = told(&outside, &question(None, Some("203.0.113.2")));
    let [one] = explained.connections.as_slice() else { panic!("{explained:?}") };
    assert_eq!((one.verdict, one.hook), (api::BalanceVerdict::Balanced, api::Hook::Packet));
    assert_eq!(one.unbalanced, None);
    let sees: Vec<_> = one.endpoints.iter().map(|one| (one.node.as_deref(), one.sees)).collect();
    let expected = [(Some("here"), api::Sees::Client), (Some("there"), api::Sees::Node)];
    assert_eq!(sees, expected);
    let reason = told(&outside, &question(None, Some("10.96.0.1"))).reason;
    let expected = "10.96.0.1:80/TCP of service shop/web is for clients in the cluster only";
    assert_eq!(reason.as_deref(), Some(expected));
}

#[test]
fn what_is_not_there_is_told() {
    let services = store(web());
    let nobody = answer(&services, &question(None, None), None, None);
    assert_eq!(nobody.reason.as_deref(), Some("there is no pod shop/client"));
    let mut other = question(None, None);
    other.service = "shop/db".parse().unwrap();
    let absent = answer(&services, &other, Some(&pod("10.0.0.7", "here")), None);
    assert_eq!(absent.reason.as_deref(), Some("there is no service shop/db"));
    let v6 = told(&pod("fd00::7", "here"), &question(None, None));
    let expected = "the client has no address of a family of service shop/web";
    assert_eq!(v6.reason.as_deref(), Some(expected));
}

#[test]
fn sockets_of_nodes_are_balanced_where_no_program_sees_their_packets() {
    let node = Origin { on_host: true, ..pod("192.168.0.1", "here") };
    let hook = |service: Service, protocol, to: &str| {
        let mut slice = slice(vec![endpoint("10.0.0.2", "there", false)]);
        slice.ports[0].protocol = protocol;
        let mut services = Services::new(site());
        let _: Changes = services.apply([Edit::PutService(service), Edit::PutSlice(slice)]);
        let told = answer(&services, &question(None, Some(to)), Some(&node), None);
        let [one] = told.connections.as_slice() else { panic!("{told:?}") };
        (one.hook, one.verdict)
    };
    let (refused, balanced) = (api::BalanceVerdict::SourceRefused, api::BalanceVerdict::Balanced);
    let (connect, packet) = (api::Hook::Connect, api::Hook::Packet);
    assert_eq!(hook(web(), Protocol::Tcp, "203.0.113.2"), (connect, refused));
    let mut dns = web();
    dns.ports[0].protocol = Protocol::Udp;
    assert_eq!(hook(dns.clone(), Protocol::Udp, "192.168.0.1"), (packet, balanced), "its own");
    assert_eq!(hook(dns.clone(), Protocol::Udp, "192.168.0.2"), (packet, balanced));
    assert_eq!(hook(dns, Protocol::Udp, "10.96.0.1"), (packet, balanced));
}

#[test]
fn without_programs_on_sockets_pods_are_balanced_by_packets_and_nodes_are_not() {
    let node = Origin { on_host: true, ..pod("192.168.0.1", "here") };
    let told = answer(&store(web()), &question(None, None), Some(&node), Some("it is off"));
    assert_eq!(told.connections[1].unbalanced.as_deref(), Some("it is off"));
    assert!(!told.connections[1].is_taken());
    let inside = pod("10.0.0.7", "here");
    let told = answer(&store(web()), &question(None, None), Some(&inside), Some("it is off"));
    let one = &told.connections[1];
    assert_eq!((one.hook, one.is_taken()), (api::Hook::Packet, true), "by its packets");
    let other = pod("10.0.0.7", "there");
    let told = answer(&store(web()), &question(None, None), Some(&other), Some("it is off"));
    assert_eq!(told.connections[1].unbalanced, None, "this node cannot know");
}

#[test]
fn a_pod_with_host_ports_is_told_like_a_service() {
    let port = |address: &str, port| HostPort {
        address: address.parse().ok(),
        port: number(port),
        target: number(80),
        protocol: Protocol::Tcp,
    };
    let ports = HostPorts {
        pod: ObjectName::new("shop", "web"),
        created: 1,
        node: "here".into(),
        addresses: Addresses { v4: Some([10, 0, 0, 1].into()), v6: None },
        ports: vec![port("", 8080), port("127.0.0.1", 81)],
    };
    let mut services = Services::new(site());
    let _: Changes = services.apply([Edit::PutHostPorts(ports)]);
    let told = report(&services);
    let [service] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((service.name.as_str(), service.kind.name()), ("pod/web", "HostPort"));
    assert_eq!(service.findings, ["host port 127.0.0.1:81/TCP is a loopback address"]);
    let words = service.frontends.iter().map(|one| {
        let scope = one.scope.name();
        format!("{}:{} {} {scope}", one.address, one.port, one.kind.name())
    });
    let expected = ["192.168.0.1:8080 host-port internal", "192.168.0.1:8080 host-port external"];
    assert_eq!(words.collect::<Vec<_>>(), expected);
    assert_eq!(service.frontends[0].backends[0].node.as_deref(), Some("here"));
    let mut asked = question(None, None);
    asked.service = "shop/pod/web".parse().unwrap();
    let told = answer(&services, &asked, Some(&pod("10.0.0.7", "here")), None);
    assert_eq!((told.connections.len(), told.reason), (1, None));
    assert!(told.connections[0].is_taken());
}

/// A policy that leads what is sent to service `shop/web` to all pods of the namespace on this node.
fn redirected() -> Services {
    let to = RedirectPort {
        port: PortId::Number(number(8081)),
        protocol: Protocol::Tcp,
        name: "".into(),
    };
    let from = RedirectFrom::Service { name: ObjectName::new("shop", "web"), ports: vec![] };
    let rule =
        RedirectRule { from, selector: Selector::default(), to: vec![to], skips_backend: true };
    let policy = Redirect { name: ObjectName::new("shop", "near"), created: 1, rule: Ok(rule) };
    let pod = LocalPod {
        name: ObjectName::new("shop", "cache-0"),
        labels: [].into(),
        node: "here".into(),
        addresses: Addresses { v4: Some([10, 0, 0, 3].into()), v6: None },
        ready: true,
        terminating: false,
        ports: vec![],
    };
    let mut services = store(Service { kind: ServiceKind::ClusterIp, ..web() });
    let _: Changes = services.apply([Edit::PutRedirect(policy), Edit::PutPod(pod)]);
    services
}

#[test]
fn a_policy_is_told_like_a_service_and_on_the_service_that_it_redirects() {
    let told = report(&redirected());
    let [policy, service] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((policy.name.as_str(), policy.kind.name()), ("redirect/near", "LocalRedirect"));
    let [behind, _] = service.frontends.as_slice() else { panic!("{told:?}") };
    assert_eq!((behind.kind.name(), behind.scope.name()), ("cluster-ip", "behind"));
    assert_eq!((service.name.as_str(), service.kind.name()), ("web", "ClusterIP"));
    for told in [policy, service] {
        let frontend = told.frontends.last().expect("the redirect's");
        assert_eq!((frontend.address, frontend.kind.name()), (ip("10.96.0.1"), "local-redirect"));
        assert_eq!(frontend.redirect.as_deref(), Some("shop/near"));
        assert_eq!(frontend.backends[0].address, ip("10.0.0.3"));
        assert_eq!(frontend.backends[0].node.as_deref(), Some("here"));
    }
}

#[test]
fn a_client_of_a_redirected_service_is_told_who_takes_it_by_which_policy() {
    let services = redirected();
    for name in ["shop/web", "shop/redirect/near"] {
        let mut asked = question(None, None);
        asked.service = name.parse().unwrap();
        let told = answer(&services, &asked, Some(&pod("10.0.0.7", "here")), None);
        let [one] = told.connections.as_slice() else { panic!("{told:?}") };
        assert_eq!(one.redirect.as_deref(), Some("shop/near"));
        assert_eq!(one.endpoints[0].address, ip("10.0.0.3"));
        assert!(one.is_taken());
    }
}

#[test]
fn backends_stay_until_programs_are_done() {
    let maps = Arc::new(MemoryStore::default());
    let balancer = Balancer::open(Arc::clone(&maps), Limit::default(), 100).unwrap();
    balancer.set_site(site());
    let here = endpoint("10.0.0.1", "here", false);
    let there = endpoint("10.0.0.2", "there", false);
    balancer.changed(Change::Changed(web()));
    balancer.changed(Change::Changed(slice(vec![here.clone(), there])));
    balancer.set_synced();
    let backends = || maps.entries::<BackendTable>().unwrap().len();
    assert_eq!(backends(), 2);
    balancer.changed(Change::Changed(slice(vec![here])));
    assert!(balancer.retirement().now_or_never().is_some(), "somebody is told");
    balancer.bury(|| assert_eq!(backends(), 2, "programs may be about to read one"));
    assert_eq!((backends(), balancer.differences().unwrap()), (1, vec![]));
    assert!(balancer.retirement().now_or_never().is_none(), "once");
}

#[test]
fn a_backend_without_room_gets_a_place_when_another_one_goes() {
    let maps = Arc::new(MemoryStore::default());
    let balancer = Balancer::open(Arc::clone(&maps), Limit::default(), 1).unwrap();
    balancer.set_site(site());
    let here = endpoint("10.0.0.1", "here", false);
    let there = endpoint("10.0.0.2", "there", false);
    balancer.changed(Change::Changed(web()));
    balancer.changed(Change::Changed(slice(vec![here, there.clone()])));
    balancer.set_synced();
    let backends = || -> Vec<(u32, IpAddr)> {
        let all = maps.entries::<BackendTable>().unwrap().into_iter();
        all.map(|(id, value)| (id, value.addr.into())).collect()
    };
    // A map of the kernel would refuse the second.
    assert_eq!(backends(), [(1, ip("10.0.0.1")), (2, ip("10.0.0.2"))]);
    balancer.changed(Change::Changed(slice(vec![there])));
    while balancer.retirement().now_or_never().is_some() {
        balancer.bury(|| {});
    }
    assert_eq!((backends(), balancer.differences().unwrap()), (vec![(1, ip("10.0.0.2"))], vec![]));
}
