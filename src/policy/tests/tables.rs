//! Compiled tables against the judge, which shares no code with them.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use proptest::prelude::*;

use crate::{
    model::{Identity, Labels},
    policy::{
        cluster::{Actor, CidrGroup, NamedPort, Role, Service},
        compile::{
            CellVerdict, KnownIdentity, Roster, RuleIndex, Scope, Subject as Compiled, compile,
        },
        judge::{Judge, Mode, Packet, PeerMatcher, Side, Verdict},
        parse::Compat,
        rule::{
            Action, Auth, CidrReach, Cidrs, Direction, Entity, LabelKey, Names, Peer, Peers,
            Policy, PolicyKind, PolicyRef, PortMatch, PortRule, Ports, Protocol, Proxy, ProxyKind,
            Rule, RulePlace, Selector, ServiceChoice, ServicePeer, Subject, Test, Tier, Turn,
            cidr_group,
        },
        text::Mark,
    },
};

fn pod(name: &str, labels: &[(&str, &str)], http: u16, addr: &str) -> Actor {
    let mut all: Labels = labels.iter().map(|(k, v)| (format!("k8s:{k}"), *v)).collect();
    all.0.insert(format!("k8s:{}", LabelKey::CLUSTER), "default".to_owned());
    let namespace = name.split('/').next().unwrap_or_default();
    all.0.insert(format!("k8s:{}", LabelKey::NAMESPACE), namespace.to_owned());
    let mut actor = Actor::new(name, Role::Pod, all).with_addr(addr.parse().expect("an address"));
    actor.ports.push(NamedPort { name: "http".into(), protocol: Protocol::Tcp, port: http });
    actor
}

fn reserved(name: &str, role: Role, addr: &str) -> Actor {
    let labels = Labels::from_iter([(format!("reserved:{name}"), "")]);
    Actor::new(name, role, labels).with_addr(addr.parse().expect("an address"))
}

/// Everybody, with their identities; the outside with addresses inside and outside of the prefixes.
pub(super) fn everybody() -> Vec<(Identity, Actor)> {
    let mut all = vec![
        (Identity::HOST, reserved("host", Role::Host, "192.0.2.1")),
        (Identity::REMOTE_NODE, reserved("remote-node", Role::Peer, "10.1.0.9")),
    ];
    for addr in ["10.1.2.3", "10.1.9.9", "10.9.9.9", "198.51.100.1"] {
        all.push((Identity::WORLD_V4, reserved("world-ipv4", Role::World, addr)));
    }
    for addr in ["2001:db8::1", "fd00:1::1"] {
        all.push((Identity::WORLD_V6, reserved("world-ipv6", Role::World, addr)));
    }
    let pods = [
        pod("x/a", &[("app", "a"), ("ns", "x")], 80, "10.1.2.10"),
        pod("x/b", &[("app", "b"), ("ns", "x")], 8080, "10.1.3.10"),
        pod("y/a", &[("app", "a"), ("ns", "y")], 8080, "fd00:1::10"),
        pod("y/c", &[("app", "c"), ("ns", "y")], 80, "10.200.0.1"),
        pod("y/d", &[("ns", "y")], 80, "172.16.0.1"),
    ];
    all.extend((300..).map(Identity).zip(pods));
    all
}

fn is(key: &str, value: &str) -> Peer {
    Peer::Labels(Selector::default().and_is(LabelKey::parse(key), value))
}

fn cidr(prefix: &str, except: &[&str], reach: CidrReach) -> Peer {
    let net = |text: &str| text.parse::<IpNet>().expect("a prefix");
    Peer::Cidrs(Cidrs {
        prefix: net(prefix),
        except: except.iter().map(|e| net(e)).collect(),
        reach,
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        Just(is("app", "a")),
        Just(is("k8s:ns", "x")),
        Just(Peer::Labels(Selector::default().and(LabelKey::parse("app"), Test::Absent))),
        proptest::sample::select(Entity::ALL.to_vec()).prop_map(Peer::Entity),
        (0..5usize, any::<bool>()).prop_map(|(which, inside)| {
            let reach = if inside { CidrReach::Everywhere } else { CidrReach::World };
            match which {
                0 => cidr("10.0.0.0/8", &["10.1.0.0/16"], reach),
                1 => cidr("10.1.2.0/24", &[], reach),
                2 => cidr("0.0.0.0/0", &["10.1.2.3/32"], reach),
                3 => cidr("fd00::/8", &[], reach),
                _ => cidr("10.1.0.0/16", &["10.1.2.0/24", "10.1.9.0/24"], reach),
            }
        }),
        Just(Peer::Unknown("test".to_owned())),
        Just(Peer::Services(ServicePeer {
            namespace: None,
            which: ServiceChoice::Name("a".to_owned()),
        })),
        Just(Peer::CidrGroup {
            labels: cidr_group("g"),
            except: vec!["10.1.2.0/24".parse().expect("a prefix")],
        }),
        Just(Peer::Names(Names {
            written: "*.example.com".to_owned(),
            pattern: regex::Regex::new("^[a-z]+\\.example\\.com$").expect("a pattern"),
        })),
    ]
}

fn peers() -> impl Strategy<Value = Peers> {
    prop_oneof![
        1 => Just(Peers::Any),
        4 => proptest::collection::vec(peer(), 0..3).prop_map(Peers::Of),
    ]
}

fn port_rule() -> impl Strategy<Value = PortRule> {
    let protocol = proptest::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Icmp]);
    let ports = prop_oneof![
        Just(PortMatch::Any),
        Just(PortMatch::one(80)),
        Just(PortMatch::range(53, 90)),
        Just(PortMatch::range(8000, 9000)),
        Just(PortMatch::range(90, 53)),
        Just(PortMatch::Named("http".to_owned())),
    ];
    let proxy = proptest::option::weighted(
        0.2,
        (1u8..3).prop_map(|priority| Proxy { kind: ProxyKind::Http, priority }),
    );
    (protocol, ports, proxy).prop_map(|(protocol, ports, proxy)| PortRule {
        protocol,
        ports,
        proxy,
    })
}

fn ports() -> impl Strategy<Value = Ports> {
    prop_oneof![
        1 => Just(Ports::All),
        3 => proptest::collection::vec(port_rule(), 0..3).prop_map(Ports::Of),
    ]
}

fn turn_and_action() -> impl Strategy<Value = (Turn, Action)> {
    let auth = proptest::option::weighted(
        0.2,
        proptest::sample::select(vec![Auth::Disabled, Auth::Required, Auth::AlwaysFail]),
    );
    let normal = prop_oneof![3 => auth.prop_map(Action::Allow), 1 => Just(Action::Deny)];
    let ordered = proptest::sample::select(vec![Action::Allow(None), Action::Deny, Action::Pass]);
    let tier = proptest::sample::select(vec![Tier::Admin, Tier::Baseline]);
    prop_oneof![
        2 => normal.prop_map(|action| (Turn::NORMAL, action)),
        1 => (tier, 0..2u32, 0..2u32, ordered)
            .prop_map(|(tier, priority, rule, action)| (Turn { tier, priority, rule }, action)),
    ]
}

fn policy(
    name: usize,
    audit: bool,
    rules: Vec<(Peers, Ports, (Turn, Action), bool)>,
) -> Arc<Policy> {
    let reference = Arc::new(PolicyRef {
        kind: PolicyKind::CiliumClusterwideNetworkPolicy,
        namespace: None,
        name: name.to_string(),
        file: "".into(),
        at: Mark::default(),
    });
    let rules = [Direction::Ingress, Direction::Egress].into_iter().flat_map(|direction| {
        let reference = Arc::clone(&reference);
        rules.clone().into_iter().enumerate().map(
            move |(n, (peers, ports, (turn, action), isolates))| Rule {
                place: RulePlace {
                    policy: Arc::clone(&reference),
                    path: format!("{}[{n}]", direction.name()),
                    at: Mark::default(),
                },
                subject: Subject::Endpoints(Selector::default()),
                direction,
                turn,
                peers,
                ports,
                action,
                isolates: isolates && turn.tier == Tier::Normal,
            },
        )
    });
    let rules = rules.collect();
    Arc::new(Policy { reference, rules, audit })
}

/// A service for pods and with an address outside.
pub(super) fn services() -> Vec<Service> {
    let selector = [("app".to_owned(), "a".to_owned())].into();
    let labels = BTreeMap::new();
    let addresses = vec!["198.51.100.1/32".parse().expect("a prefix")];
    vec![Service { namespace: "x".into(), name: "a".into(), labels, selector, addresses }]
}

/// A group with addresses of pods and outside.
pub(super) fn groups() -> Vec<CidrGroup> {
    let label = format!("cidrgroup:{}g", LabelKey::CIDR_GROUP);
    let prefixes = vec!["10.1.0.0/16".parse().expect("a prefix")];
    vec![CidrGroup { labels: Labels::from_iter([(label, "")]), prefixes }]
}

pub(super) fn policies() -> impl Strategy<Value = Vec<Arc<Policy>>> {
    let rule = (peers(), ports(), turn_and_action(), any::<bool>());
    let one = (proptest::bool::weighted(0.1), proptest::collection::vec(rule, 1..4));
    proptest::collection::vec(one, 0..4).prop_map(|all| {
        let made = all.into_iter().enumerate();
        made.map(|(n, (audit, rules))| policy(n, audit, rules)).collect()
    })
}

const fn verdict_of(verdict: CellVerdict) -> Verdict {
    match verdict {
        CellVerdict::Allow => Verdict::Allow,
        CellVerdict::Deny | CellVerdict::Unlearned => Verdict::Deny,
        CellVerdict::Redirect => Verdict::Redirect,
        CellVerdict::Auth => Verdict::Auth,
        CellVerdict::Audit => Verdict::Audit,
    }
}

fn packets() -> Vec<Packet> {
    let tcp = [22, 53, 80, 90, 91, 8080].map(|port| Packet { protocol: Protocol::Tcp, port });
    let others = [(Protocol::Udp, 53), (Protocol::Icmp, 8), (Protocol::Sctp, 80)];
    tcp.into_iter().chain(others.map(|(protocol, port)| Packet { protocol, port })).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn tables_say_what_the_judge_says(
        policies in policies(),
        mode in proptest::sample::select(vec![Mode::Default, Mode::Always]),
        compat in proptest::sample::select(vec![Compat::Kubernetes, Compat::Cilium]),
        late in 0..4_usize,
    ) {
        let everybody = everybody();
        let (services, groups) = (services(), groups());
        let matcher = PeerMatcher { services: &services, groups: &groups, cluster: "default" };
        let judge = Judge { policies: &policies, peers: matcher, mode, compat };
        let mut known: Vec<KnownIdentity> = Vec::new();
        for (number, actor) in &everybody {
            if known.iter().all(|own| own.number != *number) {
                let mut actor = actor.clone();
                actor.nets.clear();
                known.push(KnownIdentity { number: *number, actor });
            }
        }
        let subject = everybody.last().expect("somebody").1.clone();
        for direction in [Direction::Ingress, Direction::Egress] {
            let compiled = Compiled::of(&RuleIndex::new(&policies), mode, &subject, direction);
            // Some identities appear later.
            let (first, later) = known.split_at(known.len() - late);
            let mut roster: Roster = first.iter().cloned().collect();
            let mut table = compile((&matcher, compat), &compiled, &roster).expect("few classes");
            for identity in later {
                roster.insert(identity.clone());
                if table.add(identity, &matcher).is_err() {
                    table = compile((&matcher, compat), &compiled, &roster).expect("few classes");
                }
            }
            for (number, peer) in &everybody {
                let rules = judge.rules_of(&subject, direction);
                let about: Vec<_> =
                    rules.iter().copied().filter(|(_, rule)| matcher.matches(rule, peer)).collect();
                let side = Side { subject: &subject, peer, direction, rules: &rules, about: &about };
                let scope = KnownIdentity { number: *number, actor: peer.clone() }.scope();
                let addr: IpAddr = peer.nets[0].addr();
                for packet in packets() {
                    let judged = judge.judge(&side, packet).verdict;
                    let cell = table.look_up((*number, scope), addr, packet).expect("a cell");
                    prop_assert_eq!(
                        verdict_of(cell.verdict), judged,
                        "{:?} {} {:?} {:?} of {:#?}", direction, &peer.name, addr, packet, &policies
                    );
                }
            }
        }
    }

    /// Whoever is not known gets nothing that somebody might not get.
    #[test]
    fn the_unknown_get_only_what_everybody_gets(policies in policies()) {
        let everybody = everybody();
        let (services, groups) = (services(), groups());
        let matcher = PeerMatcher { services: &services, groups: &groups, cluster: "default" };
        let pods: Vec<&(Identity, Actor)> = everybody.iter().filter(|(_, a)| a.role == Role::Pod).collect();
        let known: Vec<KnownIdentity> = pods
            .iter()
            .map(|(number, actor)| KnownIdentity { number: *number, actor: actor.clone() })
            .collect();
        let subject = &pods[4].1;
        let compiled = Compiled::of(&RuleIndex::new(&policies), Mode::Default, subject, Direction::Ingress);
        let roster: Roster = known.into_iter().collect();
        let table = compile((&matcher, Compat::Kubernetes), &compiled, &roster).expect("few classes");
        for packet in packets() {
            for (number, pod) in &pods {
                let addr = pod.nets[0].addr();
                let unknown = table.look_up((Identity::UNKNOWN, Scope::Unknown), addr, packet);
                let known = table.look_up((*number, Scope::Pod), addr, packet);
                if known.is_some_and(|cell| cell.verdict == CellVerdict::Deny) {
                    let verdict = unknown.map(|cell| cell.verdict);
                    prop_assert!(
                        verdict != Some(CellVerdict::Allow),
                        "{} {:?} of {:#?}", pod.name, packet, &policies
                    );
                }
            }
        }
    }
}
