//! A record answers filters as the flow does that it becomes.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;
use skep_bpf::abi::{self, event_kind};

use super::{
    BootClock, Matcher, PeerInfo, Record, Request, Resolve, RuleInfo, RuleMatch,
    filter::{End, Subject},
    here::Here,
    observer::Settings,
    seen::Seen,
    talks::Talks,
};
use crate::{
    events::Event,
    hubble::flow::{Flow, FlowFilter, Service, Workload, flow_filter::Experimental},
    model::{DropReason, Identity},
};

/// Some addresses have an owner, some identities have labels.
struct Some4;

impl Resolve for Some4 {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        let last = match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(v6) => v6.octets()[15],
        };
        let pod = PeerInfo {
            identity: Some(Identity(300)),
            endpoint_id: 7,
            labels: vec!["k8s:app=web".into()],
            namespace: "shop".into(),
            pod: "web-1".into(),
            workload: Some(Workload { name: "web".into(), kind: "Deployment".into() }),
            node: "n1".into(),
        };
        match last % 3 {
            0 => None,
            1 => Some(pod.into()),
            _ => Some(PeerInfo { node: "n2".into(), ..PeerInfo::default() }.into()),
        }
    }

    fn identity(&self, identity: Identity) -> Option<Arc<PeerInfo>> {
        let labels = vec!["k8s:app=far".to_owned()];
        (identity.0 == 301).then(|| PeerInfo { labels, ..PeerInfo::default() }.into())
    }

    fn rule(&self, _: u32) -> Option<Arc<RuleInfo>> {
        let path = "spec.ingress[0]".to_owned();
        Some(RuleInfo { policies: Vec::new(), path, matched: RuleMatch::L3L4 }.into())
    }

    fn service(&self, _: IpAddr, _: u16, protocol: u8) -> Option<Arc<Service>> {
        let service = Service { name: "api".into(), namespace: "shop".into() };
        (protocol != 132).then(|| service.into())
    }

    fn interface(&self, device: crate::model::IfIndex) -> Option<Arc<str>> {
        (device.0 == 2).then(|| "eth0".into())
    }
}

/// Expressions about each part of a flow that a record tells.
const EXPRESSIONS: [&str; 9] = [
    "_flow.verdict == Verdict.DROPPED && _flow.drop_reason_desc == DropReason.POLICY_DENIED",
    "has(_flow.l4.TCP) && _flow.l4.TCP.flags.SYN && _flow.l4.TCP.destination_port > 99",
    "_flow.IP.source.startsWith('10.') || _flow.IP.source_xlated != ''",
    "_flow.source.labels.exists(l, l == 'k8s:app=web') && _flow.destination.identity > 1u",
    "_flow.source.workloads.exists(w, w.kind == 'Deployment') && _flow.is_reply == null",
    "_flow.interface.name == 'eth0' || _flow.node_name == 'prod/n1' && _flow.time > timestamp(1)",
    "'kubernetes.io/os=linux' in _flow.node_labels",
    "_flow.uuid.matches('[0-7]$') && _flow.event_type.type == 1",
    "has(_flow.is_reply) && !_flow.is_reply || _flow.Summary.contains('TCP')",
];

/// All that a filter can ask.
fn answers(subject: &impl Subject) -> Vec<String> {
    let mut all = vec![
        format!("{:?} {} {}", subject.moment(), subject.uuid(), subject.node_name()),
        format!("{:?} {:?}", subject.node_labels(), subject.event_type()),
        format!("{:?} {:?}", subject.verdict(), subject.drop_reason()),
        format!("{:?} {:?}", subject.direction(), subject.is_reply()),
        format!("{:?} {:?}", subject.interface(), subject.trace_id()),
        format!("{:?} {:?}", subject.ip_trace_id(), subject.transport()),
        format!("{:?} {:?}", subject.tcp_flags(), subject.layer7()),
        format!("{:?} {:?}", subject.ip_version(), subject.is_encrypted()),
        format!("{:?}", subject.translated_source()),
    ];
    for end in [End::Source, End::Destination] {
        all.push(format!("{:?} {:?}", subject.address(end), subject.port(end)));
        all.push(format!("{} {:?}", subject.identity(end), subject.labels(end)));
        all.push(format!("{} {}", subject.namespace(end), subject.pod(end)));
        all.push(format!("{} {:?}", subject.cluster(end), subject.workloads(end)));
        all.push(format!("{:?} {:?}", subject.service(end), subject.names(end)));
    }
    all
}

fn expression(text: &str) -> Matcher {
    let experimental = Experimental { cel_expression: vec![text.to_owned()] };
    let filter = FlowFilter { experimental: Some(experimental), ..FlowFilter::default() };
    Matcher::compile(&Request { allow: vec![filter], ..Request::default() }).unwrap()
}

fn any_record() -> impl Strategy<Value = abi::Event> {
    let kinds = prop_oneof![
        (Just(event_kind::TRACE), Just(0)),
        (Just(event_kind::VERDICT), Just(0)),
        (Just(event_kind::SOCKET), Just(0)),
        (Just(event_kind::DROP), Just(DropReason::PolicyDenied.code())),
        (Just(event_kind::DROP), Just(DropReason::UnsupportedL2.code())),
    ];
    let what = (kinds, 0..12_u8, 0..3_u8, any::<u8>(), any::<[u8; 2]>());
    let protocol = prop::sample::select(vec![1_u8, 6, 17, 58, 132, 47]);
    let who = (0..6_u8, 0..6_u8, 0..3_u8, prop::sample::select(vec![0_u32, 2, 9, 300, 301]));
    let packet = (prop::sample::select(vec![0_u8, 4, 6]), protocol, any::<u8>(), any::<[u8; 2]>());
    (what, who, packet, 0..3_u32, any::<u32>()).prop_map(|(what, who, packet, ifindex, time)| {
        let ((kind, reason), observation, direction, flags, _) = what;
        let (from, to, translated, identity) = who;
        let (ip_version, proto, tcp_flags, [sport, dport]) = packet;
        let address = |last: u8| match ip_version {
            4 => IpAddr::from([10, 0, 0, last]).into(),
            _ => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last)]).into(),
        };
        let none = abi::Event::default().src_xlated;
        abi::Event {
            time: time.into(),
            kind,
            reason,
            observation,
            direction,
            flags,
            ip_version,
            proto: if ip_version == 0 { 0 } else { proto },
            tcp_flags,
            sport: sport.into(),
            dport: dport.into(),
            src: address(from),
            dst: address(to),
            service: if flags & 128 == 0 { none } else { address(to ^ 1) },
            service_port: 53,
            src_xlated: if translated == 0 { none } else { address(translated) },
            src_identity: identity,
            dst_identity: 300,
            ifindex,
            rule_id: 1,
            ..abi::Event::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_record_answers_as_the_flow_does_that_it_becomes(record in any_record(), sequence in any::<u32>()) {
        let Ok(event) = Event::decode(&record) else { return Ok(()) };
        let mut record = Record::new(event, &Some4, &mut Talks::default());
        record.sequence = sequence.into();
        let clock = BootClock::at(Timestamp::UNIX_EPOCH, Duration::ZERO.try_into().unwrap());
        let settings = Settings::new("prod", "n1");
        let node_labels = ["kubernetes.io/os=linux".to_owned()].into();
        let here = Here { settings: &settings, clock, node_labels };
        let matchers: Vec<_> = EXPRESSIONS.iter().map(|text| expression(text)).collect();
        for kind in record.kinds() {
            let seen = Seen { record: &record, kind, here: &here };
            let flow: Flow = seen.render();
            prop_assert_eq!(answers(&seen), answers(&flow));
            prop_assert_eq!(seen.encoded(), flow.encoded());
            for matcher in &matchers {
                prop_assert_eq!(matcher.passes(&seen), matcher.matches(&flow));
            }
        }
    }
}
