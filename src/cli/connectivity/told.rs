//! What a flow says about a check, in the words of the test.

use crate::{
    connectivity::{Packets, PolicyName, Side, Talk, Told},
    hubble::flow::{
        CiliumEventType, EventTypeFilter, Flow, FlowFilter, Policy, TcpFlags, TrafficDirection,
        Verdict, layer4::Protocol,
    },
};

/// Port of name servers.
const DNS: u16 = 53;

/// Returns what an agent is asked for while checks run: what got through from or to pods of a namespace. A run makes
/// more flows than an agent keeps, so only those are asked for that a check needs: how TCP connections begin, and of
/// sockets those that no packet names the service of.
pub(super) fn wanted(namespace: &str) -> Vec<FlowFilter> {
    let pods = |name: &str| vec![format!("{namespace}/{name}")];
    let forwarded = FlowFilter {
        verdict: vec![Verdict::Forwarded.into()],
        event_type: vec![EventTypeFilter {
            r#type: CiliumEventType::TRACE,
            ..EventTypeFilter::default()
        }],
        ..FlowFilter::default()
    };
    let opens = FlowFilter {
        tcp_flags: vec![TcpFlags { syn: true, ..TcpFlags::default() }],
        ..forwarded.clone()
    };
    let others =
        FlowFilter { protocol: ["udp", "sctp", "icmp"].map(str::to_owned).to_vec(), ..forwarded };
    let translated = FlowFilter {
        verdict: vec![Verdict::Translated.into()],
        protocol: vec!["tcp".to_owned()],
        ..FlowFilter::default()
    };
    let both = [opens, others].into_iter().flat_map(|filter| {
        let from = FlowFilter { source_pod: pods(""), ..filter.clone() };
        [from, FlowFilter { destination_pod: pods(""), ..filter }]
    });
    let of_hosts = FlowFilter {
        source_label: vec!["reserved:host".to_owned()],
        destination_pod: pods(""),
        ..translated.clone()
    };
    // The only clients that are behind a service ask themselves.
    let of_itself =
        FlowFilter { source_pod: pods("client"), destination_pod: pods("client"), ..translated };
    both.chain([of_hosts, of_itself]).collect()
}

/// Returns what a flow tells of packets that got through.
pub(super) fn told(flow: &Flow) -> impl Iterator<Item = Told> {
    let talk = talk(flow);
    let question = talk.as_ref().and_then(|talk| question(flow, talk));
    talk.map(Told::Talk).into_iter().chain(service(flow)).chain(question)
}

fn question(flow: &Flow, talk: &Talk) -> Option<Told> {
    let pod = &flow.source.as_ref()?.pod_name;
    (talk.port == DNS && !talk.is_reply && !pod.is_empty()).then(|| Told::Question(pod.clone()))
}

/// A judgement alone is no proof that a packet went on.
fn talk(flow: &Flow) -> Option<Talk> {
    if flow.verdict() != Verdict::Forwarded || flow.kind().r#type != CiliumEventType::TRACE {
        return None;
    }
    let is_reply = flow.is_reply.unwrap_or_default();
    let (protocol, ports) = spoken(flow)?;
    let (source, destination) = flow.addresses()?;
    let (ends, port) =
        if is_reply { ((destination, source), ports.0) } else { ((source, destination), ports.1) };
    Some(Talk { ends, protocol, port, side: side(flow)?, is_reply })
}

fn service(flow: &Flow) -> Option<Told> {
    let service = flow.destination_service.as_ref()?;
    let (protocol, _) = spoken(flow)?;
    let (client, _) = flow.addresses().filter(|_| flow.is_reply != Some(true))?;
    let service = (service.namespace.clone(), service.name.clone());
    Some(Told::Service { client, protocol, service })
}

/// Returns whose policies had a say.
pub(super) fn side(flow: &Flow) -> Option<Side> {
    match flow.traffic_direction() {
        TrafficDirection::Ingress => Some(Side::Ingress),
        TrafficDirection::Egress => Some(Side::Egress),
        TrafficDirection::Unknown => None,
    }
}

/// Returns which packets a flow is about; none of protocols that no check speaks.
pub(super) fn packets(flow: &Flow) -> Option<Packets> {
    let (protocol, (_, port)) = spoken(flow)?;
    Some(Packets { time: flow.moment(), ends: flow.addresses()?, protocol, port })
}

/// Returns the names of policies, in order.
pub(super) fn names(policies: &[Policy]) -> Vec<PolicyName> {
    let name = |policy: &Policy| PolicyName {
        kind: policy.kind.clone(),
        namespace: policy.namespace.clone(),
        name: policy.name.clone(),
    };
    let mut policies: Vec<PolicyName> = policies.iter().map(name).collect();
    policies.sort();
    policies
}

/// Returns the protocol and both ports; 0 where there are none.
fn spoken(flow: &Flow) -> Option<(&'static str, (u16, u16))> {
    let protocol = match flow.protocol()? {
        Protocol::Tcp(_) => "tcp",
        Protocol::Udp(_) => "udp",
        Protocol::Sctp(_) => "sctp",
        Protocol::IcmPv4(_) | Protocol::IcmPv6(_) => "icmp",
        _ => return None,
    };
    let (source, destination) = flow.ports().unwrap_or_default();
    Some((protocol, (source.try_into().ok()?, destination.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn flow(change: impl FnOnce(&mut Value)) -> Flow {
        let mut flow = json!({
            "verdict": "FORWARDED",
            "IP": { "source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4" },
            "l4": { "TCP": { "source_port": 40000, "destination_port": 80 } },
            "traffic_direction": "EGRESS",
            "event_type": { "type": 4, "sub_type": 4 },
            "is_reply": false,
        });
        change(&mut flow);
        serde_json::from_value(flow).expect("a flow")
    }

    fn words(change: impl FnOnce(&mut Value)) -> Vec<String> {
        told(&flow(change)).map(|told| told.to_string()).collect()
    }

    #[test]
    fn flows_become_what_checks_expect() {
        let there = "a packet let through at egress, tcp from 10.0.0.1 to 10.0.0.2, port 80";
        assert_eq!(words(|_| ()), [there]);
        let back = words(|flow| {
            flow["is_reply"] = true.into();
            flow["traffic_direction"] = "INGRESS".into();
            flow["IP"] = json!({ "source": "10.0.0.2", "destination": "10.0.0.1" });
            flow["l4"]["TCP"] = json!({ "source_port": 80, "destination_port": 40000 });
        });
        assert_eq!(
            back,
            ["an answer let through at ingress, tcp from 10.0.0.2 to 10.0.0.1, from port 80"]
        );
        let icmp = words(|flow| flow["l4"] = json!({ "ICMPv4": { "type": 8 } }));
        assert_eq!(icmp, ["a packet let through at egress, icmp from 10.0.0.1 to 10.0.0.2"]);
        let service = |flow: &mut Value| {
            flow["destination_service"] = json!({ "name": "echo", "namespace": "n" });
        };
        let asked = "tcp from 10.0.0.1 to the service n/echo";
        assert_eq!(words(service), [there, asked]);
        let question = words(|flow| {
            flow["l4"] = json!({ "UDP": { "source_port": 40000, "destination_port": 53 } });
            flow["source"] = json!({ "namespace": "n", "pod_name": "client-1" });
        });
        let there = "a packet let through at egress, udp from 10.0.0.1 to 10.0.0.2, port 53";
        assert_eq!(question, [there, "a question of client-1 to a name server"]);
        let socket = words(|flow| {
            service(flow);
            flow["verdict"] = "TRANSLATED".into();
            flow["event_type"] = json!({ "type": 7, "sub_type": 2 });
            flow.as_object_mut().expect("an object").remove("is_reply");
        });
        assert_eq!(socket, [asked]);
    }

    #[test]
    fn judgements_and_what_has_no_side_are_no_proof() {
        let nothing: Vec<String> = Vec::new();
        assert_eq!(words(|flow| flow["event_type"] = json!({ "type": 5 })), nothing);
        assert_eq!(words(|flow| flow["verdict"] = "DROPPED".into()), nothing);
        assert_eq!(
            words(|flow| flow["traffic_direction"] = "TRAFFIC_DIRECTION_UNKNOWN".into()),
            nothing
        );
    }
}
