//! Why a connection goes where it goes, for the admin API.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    report::{frontend_kind, policy, redirect, scope},
    words,
};
use crate::{
    api::{self, ServiceQuestion},
    service::{
        FrontendKey, ObjectName, Protocol, Scope, Services, Vip,
        explain::{Client, Endpoint, Explanation, Verdict, explain},
        input::{Affinity, Place},
    },
};

/// Who connects, as far as the agent knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Origin {
    /// Addresses, each family at most once.
    pub(in crate::agent) addresses: Vec<IpAddr>,
    /// Where the client is; `None` outside of the cluster.
    pub(in crate::agent) place: Option<Place>,
    /// It has no interface of its own but the node's.
    pub(in crate::agent) on_host: bool,
}

impl Origin {
    fn scope(&self) -> Scope {
        if self.place.is_some() { Scope::Internal } else { Scope::External }
    }

    /// Returns the client as it is seen by a frontend's family; `None` if it has no such address.
    fn client(&self, vip: Vip) -> Option<Client> {
        let is_same = |own: &IpAddr| own.is_ipv4() == vip.address.is_ipv4();
        let address = self.addresses.iter().copied().find(is_same)?;
        Some(match &self.place {
            Some(place) => Client::Inside { address, place: place.clone() },
            None => Client::Outside { address },
        })
    }
}

/// Answers a question. `unhooked` says why no socket of this node is balanced, if that is so.
pub(super) fn answer(
    services: &Services,
    question: &ServiceQuestion,
    origin: Option<&Origin>,
    unhooked: Option<&str>,
) -> api::ServiceExplanation {
    let api::QualifiedName { namespace, name } = &question.service;
    let service = ObjectName::new(namespace.as_str(), name.as_str());
    let connections = match origin {
        Some(origin) => {
            // Of programs on another node nothing is known here.
            let is_here = |place: &Place| place.node == services.site().place.node;
            let unhooked = unhooked.filter(|_| origin.place.as_ref().is_some_and(is_here));
            connections(services, &service, question, origin, unhooked)
        }
        None => Err(format!("there is no {}", words::asker(&question.from))),
    };
    let (connections, reason) = match connections {
        Ok(connections) => (connections, None),
        Err(reason) => (vec![], Some(reason)),
    };
    api::ServiceExplanation {
        service: question.service.clone(),
        from: question.from.clone(),
        client: origin.map(client),
        reason,
        connections,
        findings: services.findings_of(&service).iter().map(ToString::to_string).collect(),
    }
}

fn client(origin: &Origin) -> api::ServiceClient {
    let place = origin.place.as_ref();
    api::ServiceClient {
        addresses: origin.addresses.clone(),
        scope: scope(origin.scope()),
        node: place.map(|place| place.node.to_string()),
        zone: place.and_then(|place| Some(place.zone.as_ref()?.to_string())),
    }
}

/// Explains each frontend that is meant; or says why there is none.
fn connections(
    services: &Services,
    name: &ObjectName,
    question: &ServiceQuestion,
    origin: &Origin,
    unhooked: Option<&str>,
) -> Result<Vec<api::Explained>, String> {
    let service = services.service(name).ok_or(format!("there is no service {name}"))?;
    if service.is_dns_only() {
        return Err(format!("service {name} has no address of its own: it is found by DNS only"));
    }
    let meant = meant(services, name, question);
    let found: BTreeSet<Vip> =
        meant.iter().filter(|key| key.scope == origin.scope()).map(|key| key.vip).collect();
    if found.is_empty() {
        return Err(words::nothing(name, question, meant.first()));
    }
    let explained = found.into_iter().filter_map(|vip| {
        let told = explain(services, vip, &origin.client(vip)?).ok()?;
        Some(connection(services, &told, vip, (origin, &by(origin, unhooked))))
    });
    let explained: Vec<_> = explained.collect();
    if explained.is_empty() {
        return Err(format!("the client has no address of a family of service {name}"));
    }
    Ok(explained)
}

/// Returns the frontends that a question is about, whoever they are for. A node port at a node's address
/// is meant by that address.
fn meant(services: &Services, name: &ObjectName, question: &ServiceQuestion) -> Vec<FrontendKey> {
    let at = |vip: Vip| match question.to {
        None => Some(vip),
        Some(to) if to == vip.address => Some(vip),
        Some(to) => {
            let everywhere = vip.address.is_unspecified() && to.is_ipv4() == vip.address.is_ipv4();
            (everywhere && services.site().is_node(to)).then_some(Vip { address: to, ..vip })
        }
    };
    let is_meant = |vip: Vip| {
        question.port.is_none_or(|port| port == vip.port)
            && question.protocol.as_ref().is_none_or(|name| name == vip.protocol.name())
    };
    let taken_over = services.redirected(name);
    let keys = services.frontends_of(name).chain(taken_over).map(|(key, _)| *key);
    keys.filter(|key| is_meant(key.vip))
        .filter_map(|key| Some(FrontendKey { vip: at(key.vip)?, ..key }))
        .collect()
}

/// Who connects, and why its sockets are not balanced, if they are not.
enum By<'a> {
    Outside,
    Pod(Option<&'a str>),
    Node(Option<&'a str>),
}

fn by<'a>(origin: &Origin, unhooked: Option<&'a str>) -> By<'a> {
    match (&origin.place, origin.on_host) {
        (None, _) => By::Outside,
        (Some(_), true) => By::Node(unhooked),
        (Some(_), false) => By::Pod(unhooked),
    }
}

/// Says whom a backend sees. The datapath keeps the client's address wherever answers come back through the
/// node that translated the packet.
fn sees(services: &Services, origin: &Origin, endpoint: &Endpoint, hook: api::Hook) -> api::Sees {
    let site = services.site();
    let is_here = endpoint.node.as_ref() == Some(&site.place.node)
        || site.node_ports.contains(&endpoint.address);
    match (&origin.place, hook) {
        (None, _) if !is_here => api::Sees::Node,
        (Some(_), api::Hook::Packet) if origin.addresses.contains(&endpoint.address) => {
            api::Sees::Itself
        }
        _ => api::Sees::Client,
    }
}

fn connection(
    services: &Services,
    told: &Explanation,
    vip: Vip,
    (origin, by): (&Origin, &By<'_>),
) -> api::Explained {
    let (hook, unbalanced) = match by {
        By::Pod(None) if connects(told, vip) => (api::Hook::Connect, None),
        By::Outside | By::Pod(_) => (api::Hook::Packet, None),
        By::Node(unhooked) if vip.protocol == Protocol::Tcp => {
            (api::Hook::Connect, unhooked.map(str::to_owned))
        }
        By::Node(unhooked) => {
            let unhooked = unhooked.filter(|_| is_itself(origin, vip));
            (api::Hook::Packet, unhooked.map(str::to_owned))
        }
    };
    api::Explained {
        id: told.id.0,
        address: vip.address,
        port: vip.port,
        protocol: vip.protocol.name().into(),
        kind: frontend_kind(told.kind),
        redirect: redirect(services, &told.service),
        policy: policy(told.policy),
        verdict: words::verdict(told.verdict),
        hook,
        unbalanced,
        topology: words::topology(told.topology),
        distribution: told.distribution.map(words::distribution),
        affinity_seconds: told.affinity.map(Affinity::seconds),
        endpoints: told
            .endpoints
            .iter()
            .map(|endpoint| words::endpoint(endpoint, sees(services, origin, endpoint, hook)))
            .collect(),
    }
}

/// Tells whether the sockets of a pod are connected to backends. One that source ranges refuse is left to
/// what looks at packets, which tells of the drop.
fn connects(told: &Explanation, vip: Vip) -> bool {
    vip.protocol == Protocol::Tcp && told.verdict != Verdict::SourceRefused
}

/// Tells whether a node asks at its own address: its sockets lead datagrams to where packets are looked at.
fn is_itself(origin: &Origin, vip: Vip) -> bool {
    vip.protocol == Protocol::Udp && origin.addresses.contains(&vip.address)
}
