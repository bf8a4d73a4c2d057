//! Random policies: what the programs do with a packet is what the judge says of it, who shares no code
//! with the compiler, the maps or the programs.

mod hosts;
mod pods;
mod random;

use std::{net::IpAddr, sync::Arc};

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde_json::Value;
use skep::{
    maps,
    model::{Identity, Labels},
    policy::{
        Input,
        cluster::{Actor, Role},
        compile::{KnownIdentity, Roster, RuleIndex, Subject, compile},
        judge::{Deciding, Judge, Mode, Packet, PeerMatcher, Verdict as Judged},
        parse::Settings,
        rule::{Direction, Policy, Protocol},
        text::{Document, Node},
    },
};
use skep_bpf::abi::{DropReason, IdentityValue, policy as numbers};

use crate::{
    cluster::Cluster,
    frames::{Frame, SYN},
    kernel_rig::KernelRig,
    rig::{Ran, Rig, Verdict},
};

/// Sets of policies that are tried; each is a hundred packets.
const CASES: u32 = 24;
const INGRESS: u32 = 7;
const EGRESS: u32 = 9;

/// Who may meet the subject.
struct Peer {
    actor: Actor,
    identity: Identity,
    addrs: Vec<IpAddr>,
}

fn peer(actor: Actor, identity: u32, addrs: &[&str]) -> Peer {
    let addrs = addrs.iter().map(|addr| addr.parse().expect("an address")).collect();
    Peer { actor, identity: Identity(identity), addrs }
}

fn outside(identity: u32, name: &str, addrs: &[&str]) -> Peer {
    let labels = Labels::from_iter([(format!("reserved:{name}"), "")]);
    peer(Actor::new(name, Role::World, labels), identity, addrs)
}

fn packets() -> Vec<Packet> {
    let tcp = [80, 8080, 443].map(|port| Packet { protocol: Protocol::Tcp, port });
    let udp = Packet { protocol: Protocol::Udp, port: 53 };
    let pings = [(Protocol::Icmp, 8), (Protocol::Icmpv6, 128)];
    let pings = pings.map(|(protocol, port)| Packet { protocol, port });
    tcp.into_iter().chain([udp]).chain(pings).collect()
}

/// Returns the packets that fit the family of an address.
fn packets_to(addr: IpAddr) -> impl Iterator<Item = Packet> {
    packets().into_iter().filter(move |packet| match packet.protocol {
        Protocol::Icmp => addr.is_ipv4(),
        Protocol::Icmpv6 => addr.is_ipv6(),
        _ => true,
    })
}

fn frame(from: (IpAddr, u16), to: IpAddr, packet: Packet) -> Vec<u8> {
    match packet.protocol {
        Protocol::Udp => Frame::udp(from, (to, packet.port), b"?").bytes(),
        Protocol::Icmp | Protocol::Icmpv6 => Frame::echo(from.0, to, from.1, false).bytes(),
        _ => Frame::tcp(from, (to, packet.port), SYN).bytes(),
    }
}

/// Reads policies, all of which are accepted.
fn read(policies: &[Value]) -> Result<(Vec<Arc<Policy>>, Settings), TestCaseError> {
    let mut input = Input::new(Settings::default());
    for policy in policies {
        let document = Document { file: Arc::from(""), root: Node::from(policy) };
        input.add(&document).expect("names differ");
    }
    let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
    let accepted = input.policies();
    prop_assert_eq!(accepted.len(), policies.len(), "{:?}", problems);
    Ok((accepted, input.settings))
}

fn judge<'a>(policies: &'a [Arc<Policy>], settings: &Settings) -> Judge<'a> {
    let peers = PeerMatcher { services: &[], groups: &[], cluster: "default" };
    Judge { policies, peers, mode: Mode::Default, compat: settings.compat }
}

/// Returns why a packet should be dropped, if it should.
fn judged(
    judge: &Judge<'_>,
    subject: &Actor,
    (peer, addr): (&Peer, IpAddr),
    way: Direction,
    packet: Packet,
) -> Option<DropReason> {
    let other = peer.actor.clone().with_addr(addr);
    let decision = judge.ask(subject, &other, way, packet);
    match (decision.verdict, decision.deciding) {
        (Judged::Deny, Deciding::Rule(_)) => Some(DropReason::PolicyDeny),
        (Judged::Deny, _) => Some(DropReason::PolicyDenied),
        (Judged::Redirect, _) => Some(DropReason::ProxyMissing),
        (Judged::Auth, _) => Some(DropReason::AuthRequired),
        _ => None,
    }
}

/// Writes the tables of a subject into the maps, and returns their numbers: for what it gets, and for
/// what it sends.
fn enforce(
    c: &mut Cluster<KernelRig>,
    judge: &Judge<'_>,
    subject: &Actor,
    peers: &[Peer],
) -> (u32, u32) {
    let known: Vec<KnownIdentity> = peers
        .iter()
        .map(|peer| KnownIdentity { number: peer.identity, actor: peer.actor.clone() })
        .collect();
    let rules = RuleIndex::new(judge.policies);
    let roster: Roster = known.iter().cloned().collect();
    let mut assigned =
        [(INGRESS, Direction::Ingress), (EGRESS, Direction::Egress)].map(|(n, way)| {
            let subject = Subject::of(&rules, judge.mode, subject, way);
            if subject.is_open() {
                return numbers::OPEN;
            }
            let table =
                compile((&judge.peers, judge.compat), &subject, &roster).expect("few classes");
            let flag = if table.addresses().is_empty() { 0 } else { numbers::BY_ADDRESS };
            let entries = maps::encode(&table, n | flag, |_| 1);
            entries
                .identities
                .into_iter()
                .for_each(|(key, class)| c.rig.identity_class(key, class));
            entries.addresses.into_iter().for_each(|(key, class)| c.rig.addr_class(key, class));
            entries.ports.into_iter().for_each(|(key, class)| c.rig.port_class(key, class));
            entries.cells.into_iter().for_each(|(key, cell)| c.rig.cell(key, cell));
            n | flag
        });
    for identity in known {
        let scope = u32::from(identity.scope().class());
        c.rig.identity(identity.number.0, IdentityValue { scope, flags: 0 });
    }
    (std::mem::take(&mut assigned[0]), assigned[1])
}

/// Runs a packet; returns why it was dropped, if it was.
fn dropped(
    c: &mut Cluster<KernelRig>,
    run: impl FnOnce(&mut Cluster<KernelRig>) -> Ran,
) -> Option<u8> {
    let _ = c.rig.events();
    let ran = run(c);
    let code = c.rig.events().first().map_or(0, |event| event.reason);
    (ran.verdict == Verdict::Drop).then_some(code)
}

/// One connection attempt between the subject and a peer.
struct Try<'a> {
    peer: &'a Peer,
    way: Direction,
    frame: Vec<u8>,
}

/// Lets the subject, who is the first of `all`, and each of the others try everything with each other:
/// what the programs drop is what the judge denies, for the same reason.
fn compare(
    c: &mut Cluster<KernelRig>,
    judge: &Judge<'_>,
    all: &[Peer],
    policies: &[Value],
    run: impl Fn(&mut Cluster<KernelRig>, &Try<'_>) -> Ran,
) -> Result<(), TestCaseError> {
    let subject = &all[0];
    let mut port = 20_000;
    let others = all[1..].iter().flat_map(|peer| peer.addrs.iter().map(move |a| (peer, *a)));
    for (peer, addr) in others {
        let same = |own: &&IpAddr| own.is_ipv4() == addr.is_ipv4();
        let own = *subject.addrs.iter().find(same).expect("the subject has both");
        for packet in packets_to(addr) {
            for way in [Direction::Ingress, Direction::Egress] {
                port += 1;
                let frame = match way {
                    Direction::Ingress => frame((addr, port), own, packet),
                    Direction::Egress => frame((own, port), addr, packet),
                };
                let reason = dropped(c, |c| run(c, &Try { peer, way, frame }));
                let expected = judged(judge, &subject.actor, (peer, addr), way, packet);
                prop_assert_eq!(
                    reason,
                    expected.map(DropReason::code),
                    "{:?} {} {} {:?} of {}",
                    way,
                    peer.actor.name,
                    addr,
                    packet,
                    serde_json::to_string_pretty(policies).expect("JSON")
                );
            }
        }
    }
    Ok(())
}

/// Tries random sets of policies.
fn try_all(
    policies: impl Strategy<Value = Vec<Value>>,
    agree: fn(&[Value]) -> Result<(), TestCaseError>,
) {
    // No files in a virtual machine, so nothing is remembered; the seed makes a failure repeatable.
    let seed = std::env::var("SKEP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("SKEP_SEED={seed}");
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let ran = TestRunner::new(config).run(&policies, |set| agree(&set));
    if let Err(error) = ran {
        panic!("{error}");
    }
}
