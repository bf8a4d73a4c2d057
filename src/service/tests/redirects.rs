//! Policies that lead traffic to pods of this node.

use super::make::*;
use crate::service::{
    Changes, Edit, FrontendKey, FrontendKind, ObjectName, Protocol, Scope, Services,
    explain::{Client, Verdict, explain},
    input::{
        ContainerPort, Fault, LocalPod, Mistake, Place, PortId, Redirect, RedirectFrom,
        RedirectPort, Service, ServiceKind,
    },
};

const BOTH: [&str; 2] = ["10.96.0.1", "fd00:96::1"];
const NEAR: [&str; 2] = ["10.0.0.1", "fd00::1"];

fn applied(edits: impl IntoIterator<Item = Edit>) -> Services {
    let mut services = Services::new(site());
    let _: Changes = services.apply(edits);
    services
}

fn put_redirect(policy: &Redirect) -> Edit {
    Edit::PutRedirect(policy.clone())
}

fn put_local(pod: &LocalPod) -> Edit {
    Edit::PutPod(pod.clone())
}

/// Service `dns` of both families with the endpoint 10.0.0.7 (fd00::7) elsewhere.
fn dns() -> [Edit; 3] {
    [
        put(&service("dns", &BOTH)),
        put_slice(&slice("dns-4", "dns", &[endpoint("10.0.0.7")])),
        put_slice(&slice("dns-6", "dns", &[endpoint("fd00::7")])),
    ]
}

fn with(policy: Redirect, rule: impl FnOnce(&mut crate::service::input::RedirectRule)) -> Redirect {
    let mut policy = policy;
    rule(policy.rule.as_mut().expect("a rule"));
    policy
}

#[test]
fn a_service_is_redirected_while_a_pod_of_the_node_is_ready() {
    let mut services = applied(dns());
    let keys = BOTH.map(|address| inside(address, 80));
    let numbers = keys.map(|key| services.frontend(&key).expect("a frontend").id);
    let _: Changes = services.apply([put_redirect(&redirect("near", of_service("dns")))]);
    assert_eq!(backends(&services, keys[0]), "7:8080", "nobody is here");
    let near = local_pod("a", &NEAR, "near");
    let changes = services.apply([put_local(&near)]);
    assert_eq!((changes.changed, changes.removed), (keys.to_vec(), vec![]));
    for key in keys {
        assert_eq!(backends(&services, key), "1:8080");
        let kind = services.frontend(&key).map(|frontend| frontend.kind);
        assert_eq!(kind, Some(FrontendKind::LocalRedirect));
    }
    assert_eq!(keys.map(|key| services.frontend(&key).expect("one").id), numbers);
    assert_eq!(findings(&services, "dns"), [""; 0], "it has lost nothing for good");
    for (pod, why) in [
        (LocalPod { ready: false, ..near.clone() }, "not ready"),
        (LocalPod { terminating: true, ..near.clone() }, "about to end"),
        (LocalPod { labels: [].into(), ..near.clone() }, "not selected"),
        (LocalPod { node: "there".into(), ..near.clone() }, "on another node"),
    ] {
        let changes = services.apply([put_local(&pod)]);
        assert_eq!((changes.changed, changes.removed), (keys.to_vec(), vec![]), "{why}");
        assert_eq!(backends(&services, keys[0]), "7:8080", "{why}");
        let _: Changes = services.apply([put_local(&near)]);
        assert_eq!(backends(&services, keys[0]), "1:8080");
    }
    for gone in [Edit::RemovePod(name("a")), Edit::RemoveRedirect(name("near"))] {
        let _: Changes = services.apply([gone]);
        assert_eq!(backends(&services, keys[0]), "7:8080");
        let _: Changes = services.apply([put_local(&near)]);
    }
    assert_eq!(services.redirects().count(), 0);
}

#[test]
fn a_pod_of_one_family_is_no_use_to_the_other_and_one_that_ends_keeps_its_connections() {
    let ending = LocalPod { terminating: true, ..local_pod("b", &["10.0.0.2"], "near") };
    let pods = [put_local(&local_pod("a", &NEAR[..1], "near")), put_local(&ending)];
    let policy = put_redirect(&redirect("near", of_service("dns")));
    let services = applied(dns().into_iter().chain(pods).chain([policy]));
    assert_eq!(backends(&services, inside(BOTH[0], 80)), "1:8080 | 2:8080");
    assert_eq!(backends(&services, inside(BOTH[1], 80)), "7:8080");
}

#[test]
fn a_backend_of_both_keeps_its_number() {
    let mut services = applied([
        put(&service("dns", &BOTH[..1])),
        put_slice(&slice("dns-4", "dns", &[local("10.0.0.1"), endpoint("10.0.0.7")])),
        put_redirect(&redirect("near", of_service("dns"))),
    ]);
    let key = inside(BOTH[0], 80);
    let number = |services: &Services| services.frontend(&key).expect("one").backends.list[0].id;
    let before = number(&services);
    let changes = services.apply([put_local(&local_pod("a", &NEAR, "near"))]);
    assert!(!changes.retired.backends().any(|id| id == before));
    assert_eq!((number(&services), backends(&services, key).as_str()), (before, "1:8080"));
}

#[test]
fn an_address_is_redirected_unless_it_is_somebody_elses() {
    let balancer = Service {
        kind: ServiceKind::LoadBalancer,
        load_balancer_ips: vec![ip("203.0.113.1")],
        external_ips: vec![ip("203.0.113.2")],
        ..service("lb", &["10.96.0.9"])
    };
    let table = [
        ("169.254.169.254", None),
        ("198.51.100.7", None),
        ("fd00:ec2::254", None),
        ("10.96.0.9", Some("is the cluster IP of service ns/lb")),
        ("203.0.113.1", Some("is a frontend of service ns/lb")),
        ("203.0.113.2", Some("is a frontend of service ns/lb")),
        ("192.168.0.1", Some("is an address of a node")),
        ("192.168.0.2", Some("is an address of a node")),
        ("2001:db8::1", Some("is an address of a node")),
        ("10.0.0.99", Some("is in a prefix of pods")),
        ("fd00::99", Some("is in a prefix of pods")),
        ("127.0.0.1", Some("is a loopback address")),
        ("fe80::7", Some("is a link-local address")),
        ("::ffff:198.51.100.7", Some("is an IPv4 address in IPv6 form")),
    ];
    for (address, refused) in table {
        let policy = redirect("near", of_address(address));
        let near = put_local(&local_pod("a", &NEAR, "near"));
        let mut services = applied([put(&balancer), put_redirect(&policy), near]);
        let told = refused.map(|reason| format!("address {address} {reason}"));
        assert_eq!(findings(&services, "redirect/near"), Vec::from_iter(told), "{address}");
        let is_it = |services: &Services| {
            let frontend = services.frontend(&inside(address, 80));
            frontend.is_some_and(|one| one.kind == FrontendKind::LocalRedirect)
        };
        assert_eq!(is_it(&services), refused.is_none(), "{address}");
        assert!(services.frontend(&outside(address, 80)).is_none_or(|one| one.id.0 != 0));
        let _: Changes = services.apply([Edit::RemovePod(name("a"))]);
        assert!(!is_it(&services), "{address} itself answers again");
    }
}

#[test]
fn an_address_is_given_up_when_a_service_gets_it_whichever_namespace_it_has() {
    let policy = redirect("near", of_address("198.51.100.7"));
    let near = put_local(&local_pod("a", &NEAR, "near"));
    let mut services = applied([put_redirect(&policy), near]);
    let mut other = service("other", &["10.96.0.8"]);
    other.name = ObjectName::new("elsewhere", "other");
    other.external_ips = vec![ip("198.51.100.7")];
    let _: Changes = services.apply([put(&other)]);
    let frontend = services.frontend(&inside("198.51.100.7", 80)).expect("a frontend");
    assert_eq!(frontend.service, other.name);
    let told = "address 198.51.100.7 is a frontend of service elsewhere/other";
    assert_eq!(findings(&services, "redirect/near"), [told]);
    let _: Changes = services.apply([Edit::RemoveService(other.name)]);
    assert_eq!(backends(&services, inside("198.51.100.7", 80)), "1:8080");
}

#[test]
fn only_cluster_ips_of_services_of_the_own_namespace_are_redirected() {
    let node_port = Service { kind: ServiceKind::NodePort, ..service("b", &["10.96.0.2"]) };
    let elsewhere = Service {
        name: ObjectName::new("elsewhere", "dns"),
        external_ips: vec![],
        ..service("dns", &["10.96.0.3"])
    };
    let of = |namespace: &str, name: &str| RedirectFrom::Service {
        name: ObjectName::new(namespace, name),
        ports: vec![],
    };
    let table = [
        (of("ns", "nobody"), "service ns/nobody does not exist"),
        (of("ns", "b"), "service ns/b is not of type ClusterIP, or has no cluster IP"),
        (of("ns", "none"), "service ns/none is not of type ClusterIP, or has no cluster IP"),
        (of("elsewhere", "dns"), "service elsewhere/dns is in another namespace than the policy"),
    ];
    for (from, told) in table {
        let policy = put_redirect(&redirect("near", from));
        let near = put_local(&local_pod("a", &NEAR, "near"));
        let others = [put(&node_port), put(&elsewhere), put(&service("none", &[]))];
        let services = applied(others.into_iter().chain([policy, near]));
        assert_eq!(findings(&services, "redirect/near"), [told]);
        assert_eq!(services.frontends_of(&name("redirect/near")).count(), 0);
    }
}

#[test]
fn pods_of_other_namespaces_are_not_selected() {
    let mut stranger = local_pod("a", &NEAR, "near");
    stranger.name = ObjectName::new("elsewhere", "a");
    let policy = put_redirect(&redirect("near", of_service("dns")));
    let services = applied(dns().into_iter().chain([policy, put_local(&stranger)]));
    assert_eq!(backends(&services, inside(BOTH[0], 80)), "7:8080");
}

#[test]
fn several_ports_find_each_other_by_name_and_a_container_says_what_a_name_means() {
    let mut target = service("dns", &BOTH[..1]);
    target.ports = vec![
        port("dns", Protocol::Udp, 53, None),
        port("dns-tcp", Protocol::Tcp, 53, None),
        port("metrics", Protocol::Tcp, 9153, None),
    ];
    let udp = |text: &str, number| RedirectPort {
        protocol: Protocol::Udp,
        ..redirect_port(text, number)
    };
    let by_name = RedirectPort { port: PortId::Name("tcp".into()), ..redirect_port("dns-tcp", 1) };
    let mut near = local_pod("a", &NEAR, "near");
    let container = |text: &str, protocol, port| ContainerPort {
        name: text.into(),
        protocol,
        port: number(port),
    };
    near.ports = vec![container("dns", Protocol::Udp, 5353), container("tcp", Protocol::Tcp, 5354)];
    let policy = with(redirect("near", of_service("dns")), |rule| {
        rule.to = vec![udp("dns", 53), by_name];
    });
    let services = applied([put(&target), put_redirect(&policy), put_local(&near)]);
    let mut asked = inside(BOTH[0], 53);
    assert_eq!(backends(&services, asked), "1:5354");
    asked.vip.protocol = Protocol::Udp;
    assert_eq!(backends(&services, asked), "1:5353", "what the container says");
    assert_eq!(backends(&services, inside(BOTH[0], 9153)), "", "still the service's");
    let told = "port 9153/TCP has no counterpart of its protocol and name in the policy's backend";
    assert_eq!(findings(&services, "redirect/near"), [told]);
    near.ports.clear();
    let services = applied([put(&target), put_redirect(&policy), put_local(&near)]);
    assert_eq!(backends(&services, asked), "1:53", "what the policy says");
    let told = "pod ns/a has no container port tcp/TCP";
    assert_eq!(findings(&services, "redirect/near")[1..], [told]);
}

#[test]
fn ports_of_a_service_may_be_chosen_and_must_be_there() {
    let mut target = service("dns", &BOTH[..1]);
    target.ports.push(port("tls", Protocol::Tcp, 443, None));
    let from = |port: u16| RedirectFrom::Service {
        name: name("dns"),
        ports: vec![redirect_port("", port)],
    };
    let near = local_pod("a", &NEAR, "near");
    let services =
        applied([put(&target), put_redirect(&redirect("near", from(443))), put_local(&near)]);
    assert_eq!(backends(&services, inside(BOTH[0], 443)), "1:8080");
    assert_eq!(backends(&services, inside(BOTH[0], 80)), "");
    let services = applied([put(&target), put_redirect(&redirect("near", from(444)))]);
    assert_eq!(findings(&services, "redirect/near"), ["port 444/TCP is no port of the service"]);
    let nameless = with(redirect("near", of_address("198.51.100.7")), |rule| {
        rule.to.push(redirect_port("b", 81));
    });
    let services = applied([put_redirect(&nameless), put_local(&near)]);
    let told = "port 80/TCP has no name, and several ports find each other by names";
    assert_eq!(findings(&services, "redirect/near"), [told]);
}

#[test]
fn of_two_policies_the_older_has_the_frontend_whether_a_pod_is_ready_or_not() {
    let old = Redirect { created: 1, ..redirect("z-old", of_service("dns")) };
    let old = with(old, |rule| rule.to = vec![redirect_port("", 1)]);
    let young = Redirect { created: 2, ..redirect("a-young", of_service("dns")) };
    let near = put_local(&local_pod("a", &NEAR[..1], "near"));
    for pair in [[&old, &young], [&young, &old]] {
        let edits = dns().into_iter().chain(pair.map(put_redirect)).chain([near.clone()]);
        let mut services = applied(edits);
        assert_eq!(backends(&services, inside(BOTH[0], 80)), "1:1");
        let told = [BOTH[0], "[fd00:96::1]"].map(|address| {
            format!("redirect of {address}:80/TCP is taken at port 80/TCP by policy ns/z-old")
        });
        assert_eq!(findings(&services, "redirect/a-young"), told);
        let _: Changes = services.apply([Edit::RemoveRedirect(name("z-old"))]);
        assert_eq!(backends(&services, inside(BOTH[0], 80)), "1:8080");
        assert_eq!(findings(&services, "redirect/a-young"), [""; 0]);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let mistake = Mistake { field: "spec.redirectFrontend", fault: Fault::Ambiguous };
    let wrong = Redirect { rule: Err(mistake), ..redirect("near", of_service("dns")) };
    let services = applied([put_redirect(&wrong)]);
    let told = "spec.redirectFrontend has both an addressMatcher and a serviceMatcher";
    assert_eq!(findings(&services, "redirect/near"), [told]);
}

#[test]
fn backends_of_a_sparing_redirect_find_what_there_is_without_it() {
    let behind = |address: &str| FrontendKey { scope: Scope::Behind, ..inside(address, 80) };
    let sparing = |from| with(redirect("near", from), |rule| rule.skips_backend = true);
    let near = local_pod("a", &NEAR, "near");
    let policy = put_redirect(&sparing(of_service("dns")));
    let mut services = applied(dns().into_iter().chain([policy, put_local(&near)]));
    assert_eq!(findings(&services, "redirect/near"), [""; 0]);
    let place = Place { node: "here".into(), zone: None };
    for (vip_address, own) in BOTH.into_iter().zip(NEAR) {
        let redirect = services.frontend(&inside(vip_address, 80)).expect("a redirect");
        assert_eq!(redirect.kind, FrontendKind::LocalRedirect);
        assert!(redirect.is_passed_by(ip(own)) && !redirect.is_passed_by(ip("10.0.0.99")));
        let plain = services.frontend(&behind(vip_address)).expect("the service behind it");
        assert_eq!((&plain.service, plain.kind), (&name("dns"), FrontendKind::ClusterIp));
        let asked = |address| {
            let client = Client::Inside { address, place: place.clone() };
            explain(&services, vip(vip_address, 80), &client).expect("a frontend").kind
        };
        assert_eq!(asked(ip(own)), FrontendKind::ClusterIp);
        assert_eq!(asked(ip("10.0.0.99")), FrontendKind::LocalRedirect);
    }
    // Without a ready pod, all find the service where it always is.
    let unready = LocalPod { ready: false, ..near.clone() };
    let _: Changes = services.apply([put_local(&unready)]);
    for address in BOTH {
        let plain = services.frontend(&inside(address, 80)).expect("the service");
        assert_eq!(plain.kind, FrontendKind::ClusterIp);
        assert!(services.frontend(&behind(address)).is_none());
    }
    // A policy that changes its mind.
    let _: Changes = services.apply([put_local(&near)]);
    assert!(services.frontend(&behind(BOTH[0])).is_some());
    let _: Changes = services.apply([put_redirect(&redirect("near", of_service("dns")))]);
    assert!(services.frontend(&behind(BOTH[0])).is_none());
    assert!(
        !services.frontend(&inside(BOTH[0], 80)).expect("a redirect").is_passed_by(ip(NEAR[0]))
    );
    // Behind an address that no service has there is nothing.
    let policy = put_redirect(&sparing(of_address("198.51.100.7")));
    let services = applied([policy, put_local(&near)]);
    let client = Client::Inside { address: ip(NEAR[0]), place };
    assert!(explain(&services, vip("198.51.100.7", 80), &client).is_err());
}

#[test]
fn policies_are_not_among_services_and_clients_are_told_who_takes_them() {
    let policy = put_redirect(&redirect("dns", of_service("dns")));
    let near = put_local(&local_pod("a", &NEAR, "near"));
    let services = applied(dns().into_iter().chain([policy, near]));
    assert_eq!(services.names().collect::<Vec<_>>(), [&name("dns")]);
    assert_eq!(services.redirect_of(&name("redirect/dns")), Some(&name("dns")));
    assert_eq!(services.redirect_of(&name("dns")), None);
    let target = name("dns");
    let taken_over = services.redirected(&target).map(|(key, _)| *key);
    assert_eq!(taken_over.collect::<Vec<_>>(), BOTH.map(|address| inside(address, 80)));
    for node in ["here", "there"] {
        let place = Place { node: node.into(), zone: None };
        let client = Client::Inside { address: ip("10.0.0.9"), place };
        let told = explain(&services, vip(BOTH[0], 80), &client).expect("a frontend");
        assert_eq!((told.verdict, told.kind), (Verdict::Balanced, FrontendKind::LocalRedirect));
        assert_eq!(told.candidates().map(|one| one.port).collect::<Vec<_>>(), [8080]);
    }
}

#[test]
fn a_connection_is_named_after_the_service_that_the_client_speaks_with() {
    let node_port = Service {
        kind: ServiceKind::NodePort,
        external_ips: vec![ip("203.0.113.1")],
        ..service("b", &["10.96.0.2"])
    };
    let policies = [
        put_redirect(&redirect("near", of_service("dns"))),
        put_redirect(&redirect("cloud", of_address("169.254.169.254"))),
    ];
    let near = put_local(&local_pod("a", &NEAR, "near"));
    let services = applied(dns().into_iter().chain(policies).chain([near, put(&node_port)]));
    let table = [
        ("10.96.0.2", 80, Some("b")),
        ("203.0.113.1", 80, Some("b")),
        ("192.168.0.1", 30_080, Some("b")),
        ("192.168.0.2", 30_080, Some("b")),
        ("10.0.0.1", 30_080, None),
        (BOTH[0], 80, Some("dns")),
        (BOTH[1], 80, Some("dns")),
        (BOTH[0], 81, None),
        ("169.254.169.254", 80, Some("redirect/cloud")),
    ];
    for (address, number, expected) in table {
        let found = services.service_at(vip(address, number));
        assert_eq!(found, expected.map(name).as_ref(), "{address} {number}");
    }
}
