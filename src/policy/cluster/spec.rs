//! Actors as people write them on the command line.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    actor::{Actor, Role},
    inventory::Inventory,
};
use crate::{
    model::{Identity, Labels},
    policy::{parse::Settings, rule::LabelKey},
};

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// It has no form that is known.
    #[error(
        "{0:?} names nobody; use namespace/pod, namespace/workload-kind/name, entity:NAME, ip:ADDRESS[+LABEL...], fqdn:NAME or id:NUMBER"
    )]
    Form(String),
    /// There is no such entity.
    #[error("{0:?} is no entity that can be one end of a connection; there are {names}", names = NAMES.join(", "))]
    Entity(String),
    /// There is no such address.
    #[error("{0:?} is no IP address")]
    Address(String),
    /// There is no such pod or workload.
    #[error("there is no pod or workload {0:?}{hint}", hint = hint(.1))]
    Absent(String, Option<String>),
    /// There is no such identity.
    #[error(
        "there is no identity {0}: neither a reserved one, nor an object SkepIdentity of that name"
    )]
    Identity(String),
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

const NAMES: [&str; 10] = [
    "host",
    "remote-node",
    "health",
    "init",
    "ingress",
    "unmanaged",
    "kube-apiserver",
    "world",
    "world-ipv4",
    "world-ipv6",
];

impl Inventory {
    /// Finds or makes who is meant. Its name is the text itself.
    ///
    /// # Errors
    /// When the text has no known form, or names nobody who is there.
    pub fn actor(&self, spec: &str, settings: &Settings) -> Result<Actor, SpecError> {
        let mut actor = match spec.split_once(':') {
            Some(("entity", name)) => self.entity(name)?,
            Some(("ip", rest)) => self.addressed(rest, settings)?,
            Some(("fqdn", name)) => named(name),
            Some(("id", number)) => self.numbered(number, settings)?,
            _ => self.pod(spec, settings)?,
        };
        actor.name = spec.to_owned();
        Ok(actor)
    }

    fn entity(&self, name: &str) -> Result<Actor, SpecError> {
        let role = match name {
            "host" => return Ok(self.host()),
            "health" | "ingress" => Role::Endpoint,
            "init" => Role::Init,
            "world" | "world-ipv4" | "world-ipv6" => Role::World,
            "remote-node" | "unmanaged" | "kube-apiserver" => Role::Peer,
            _ => return Err(SpecError::Entity(name.to_owned())),
        };
        let mut labels = Labels::from_iter([(format!("reserved:{name}"), "")]);
        if name == "kube-apiserver" {
            labels.0.insert("reserved:remote-node".to_owned(), String::new());
        }
        let mut actor = Actor::new(name, role, labels);
        match name {
            "world-ipv4" => actor.nets.push(everything(4)),
            "world-ipv6" => actor.nets.push(everything(6)),
            _ => {}
        }
        Ok(actor)
    }

    /// Finds a reserved identity, or that of pods; one of them says more, such as names of ports.
    fn numbered(&self, text: &str, settings: &Settings) -> Result<Actor, SpecError> {
        let unknown = || SpecError::Identity(text.to_owned());
        let number: u32 = text.parse().map_err(|_| unknown())?;
        if let Some(name) = Identity(number).reserved_name() {
            return self.entity(name);
        }
        let labels = self.identity(number).ok_or_else(unknown)?;
        let pod = self.pods(settings).into_iter().find(|pod| pod.labels == *labels);
        Ok(pod.unwrap_or_else(|| Actor::new(text, Role::Pod, labels.clone())))
    }

    /// Finds who has an address. Nobody in the cluster is outside, and so is who is given labels. One of the API server's
    /// addresses has its label.
    fn addressed(&self, rest: &str, settings: &Settings) -> Result<Actor, SpecError> {
        let known = rest.parse().ok().and_then(|addr| self.owner(addr, settings));
        let mut actor = known.map_or_else(|| labelled(rest), Ok)?;
        if actor.nets.iter().any(|net| self.is_apiserver(net)) {
            actor.labels.0.insert("reserved:kube-apiserver".to_owned(), String::new());
        }
        Ok(actor)
    }

    fn is_apiserver(&self, net: &IpNet) -> bool {
        let services = self.services();
        let mut own =
            services.iter().filter(|s| s.namespace == "default" && s.name == "kubernetes");
        own.any(|service| service.addresses.contains(net))
    }

    fn pod(&self, spec: &str, settings: &Settings) -> Result<Actor, SpecError> {
        let pods = self.pods(settings);
        let parts: Vec<&str> = spec.split('/').collect();
        let found = match parts[..] {
            [_, _] => pods.iter().find(|pod| pod.name == spec),
            [namespace, kind, name] => {
                let workload = format!("{}/{name}", kind.to_ascii_lowercase());
                let prefix = format!("{namespace}/");
                pods.iter().find(|pod| {
                    pod.name.starts_with(&prefix) && pod.workload.as_ref() == Some(&workload)
                })
            }
            _ => return Err(SpecError::Form(spec.to_owned())),
        };
        found.cloned().ok_or_else(|| {
            let distance = |name: &str| strsim::damerau_levenshtein(name, spec);
            let nearest = pods.iter().map(|pod| &pod.name).min_by_key(|name| distance(name));
            let nearest = nearest.filter(|name| distance(name) <= 3).cloned();
            SpecError::Absent(spec.to_owned(), nearest)
        })
    }
}

/// Reads `ADDRESS[+LABEL...]`.
fn labelled(rest: &str) -> Result<Actor, SpecError> {
    let mut parts = rest.split('+');
    let text = parts.next().unwrap_or_default();
    let addr: IpAddr = text.parse().map_err(|_| SpecError::Address(text.to_owned()))?;
    let family = if addr.is_ipv4() { "reserved:world-ipv4" } else { "reserved:world-ipv6" };
    let mut labels = Labels::from_iter([(family, "")]);
    for label in parts {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        let key = LabelKey::parse(key).to_string();
        labels.0.insert(key, value.to_owned());
    }
    Ok(Actor::new(rest, Role::World, labels).with_addr(addr))
}

fn named(name: &str) -> Actor {
    let key = format!("fqdn:{}", name.trim_end_matches('.').to_ascii_lowercase());
    Actor::new(name, Role::World, Labels::from_iter([(key.as_str(), ""), ("reserved:world", "")]))
}

/// The prefix of all addresses of an IP version.
fn everything(version: u8) -> IpNet {
    let addr: IpAddr = match version {
        4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        _ => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    IpNet::new_assert(addr, 0)
}
