//! What policies say of a client's connections to the backends of a service.

use std::net::IpAddr;

use skep_bpf::abi::IpcacheKey;

use super::{policy::End, service::Origin, shared::Agent};
use crate::{
    api::{Explained, ExplainedEndpoint, PolicyAnswer, PolicyVerdict, Sees, ServiceExplanation},
    maps::{IpcacheTable, MapStore},
    model::Identity,
    policy::{judge::Packet, rule::Protocol},
};

/// Adds to an explanation which backends policies let the client reach.
pub(super) fn tell(agent: &Agent, origin: &Origin, explanation: &mut ServiceExplanation) {
    for connection in &mut explanation.connections {
        let Explained { protocol, endpoints, .. } = connection;
        let Some(protocol) = Protocol::from_name(protocol) else { continue };
        for endpoint in endpoints {
            endpoint.network_policy = answer(agent, origin, endpoint, protocol);
        }
    }
}

fn answer(
    agent: &Agent,
    origin: &Origin,
    endpoint: &ExplainedEndpoint,
    protocol: Protocol,
) -> Option<PolicyAnswer> {
    let is_v4 = endpoint.address.is_ipv4();
    let client = origin.addresses.iter().copied().find(|own| own.is_ipv4() == is_v4)?;
    if client == endpoint.address {
        // What a pod sends to itself is not judged.
        return Some(PolicyAnswer { verdict: PolicyVerdict::Allowed, reason: String::new() });
    }
    // Nodes elsewhere are told that it comes from outside, and see an address that stands in.
    let shown = (endpoint.sees != Sees::Node).then_some(client);
    let from = End { identity: identity(agent, client), address: shown };
    let to = End { identity: identity(agent, endpoint.address), address: Some(endpoint.address) };
    let packet = Packet { protocol, port: endpoint.port };
    let mut answer = agent.policy.answer(from, to, packet)?;
    if agent.config.policy_audit && answer.verdict == PolicyVerdict::Denied {
        answer.verdict = PolicyVerdict::Audited;
    }
    Some(answer)
}

/// Returns whom programs take an address for.
fn identity(agent: &Agent, address: IpAddr) -> Identity {
    if let Some(record) = agent.endpoints.by_address(address) {
        return record.identity;
    }
    // The kernel finds the longest prefix.
    let key = IpcacheKey { prefix_len: 128, addr: address.into() };
    match agent.maps.get::<IpcacheTable>(&key) {
        Ok(Some(known)) => Identity(known.identity),
        _ if address.is_ipv4() => Identity::WORLD_V4,
        _ => Identity::WORLD_V6,
    }
}
