//! What names below the cluster's domain mean.

use std::net::IpAddr;

use super::index::{HostName, Index, PortName, ServiceNames, Target, from_dashed};
use crate::lab::dns::{
    answer::{Answer, Apex, Outcome},
    record::{Data, Kind, Record},
};

/// Version of the specification, which every cluster tells.
const VERSION: &str = "1.1.0";
/// How long records may be remembered, in seconds. Short: what runs in a lab changes often.
const TTL: u32 = 5;

/// The cluster's zone at one moment.
#[derive(Debug)]
pub(crate) struct ClusterZone {
    apex: Apex,
    index: Index,
}

/// What the zone knows about a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// The whole answer.
    Answer(Answer),
    /// An alias for a name outside the zone.
    Alias(Record, String),
    /// The name is not the cluster's.
    Elsewhere,
}

impl ClusterZone {
    /// Makes the zone of a cluster domain.
    pub(crate) fn new(domain: &str, serial: u32, index: Index) -> Self {
        Self { apex: Apex { zone: domain.to_owned(), ttl: TTL, serial }, index }
    }

    /// Looks a name up.
    pub(crate) fn look_up(&self, name: &str, kind: Kind) -> Knowledge {
        if let Some(address) = crate::lab::dns::as_reverse(name) {
            return self.reverse(name, address, kind);
        }
        let Some(relative) = self.relative(name) else { return Knowledge::Elsewhere };
        let mut labels: Vec<&str> = relative.split('.').filter(|one| !one.is_empty()).collect();
        labels.reverse();
        let answer = match *labels {
            [] => self.apex.own(kind),
            ["dns-version"] => self.records(name, kind, vec![Data::Txt(VERSION.to_owned())]),
            ["svc" | "pod" | "dns"] => self.apex.nothing(Outcome::Found),
            ["dns", "ns"] => self.own_server(name, kind),
            ["svc" | "pod", namespace] => self.namespace(namespace),
            ["pod", namespace, label] => self.pod(name, kind, namespace, label),
            ["svc", namespace, service, ref rest @ ..] => {
                match self.index.service(namespace, service) {
                    Some(found) => return self.service(name, kind, found, rest),
                    None => self.apex.nothing(Outcome::NoName),
                }
            }
            _ => self.apex.nothing(Outcome::NoName),
        };
        Knowledge::Answer(answer)
    }

    /// Returns the part of a name before the cluster's domain.
    fn relative<'a>(&self, name: &'a str) -> Option<&'a str> {
        let before = name.strip_suffix(&self.apex.zone)?;
        if before.is_empty() { Some("") } else { before.strip_suffix('.') }
    }

    fn reverse(&self, name: &str, address: IpAddr, kind: Kind) -> Knowledge {
        let names = self.index.names_of(address);
        if names.is_empty() {
            return Knowledge::Elsewhere;
        }
        let data = names.iter().map(|one| Data::Ptr(self.apex.below(one))).collect();
        Knowledge::Answer(self.records(name, kind, data))
    }

    /// Keeps what is of the type asked for.
    fn records(&self, owner: &str, kind: Kind, data: Vec<Data>) -> Answer {
        let fitting = data.into_iter().filter(|one| one.kind() == kind);
        let records: Vec<_> = fitting.map(|one| self.apex.record(owner, one)).collect();
        if records.is_empty() { self.apex.nothing(Outcome::Found) } else { Answer::found(records) }
    }

    fn addresses(&self, owner: &str, kind: Kind, of: impl Iterator<Item = IpAddr>) -> Answer {
        self.records(owner, kind, of.map(Data::address).collect())
    }

    fn own_server(&self, name: &str, kind: Kind) -> Answer {
        let (namespace, service) = crate::lab::dns::SERVICE;
        match self.index.service(namespace, service).map(|service| &service.target) {
            Some(Target::Cluster(own)) => self.addresses(name, kind, own.iter().copied()),
            _ => self.apex.nothing(Outcome::Found),
        }
    }

    fn namespace(&self, namespace: &str) -> Answer {
        let known = self.index.namespaces.contains(namespace);
        self.apex.nothing(if known { Outcome::Found } else { Outcome::NoName })
    }

    /// A pod's name is its address: nothing needs to be known but the namespace.
    fn pod(&self, name: &str, kind: Kind, namespace: &str, label: &str) -> Answer {
        match from_dashed(label) {
            Some(address) if self.index.namespaces.contains(namespace) => {
                self.addresses(name, kind, std::iter::once(address))
            }
            _ => self.apex.nothing(Outcome::NoName),
        }
    }

    fn service(&self, name: &str, kind: Kind, service: &ServiceNames, rest: &[&str]) -> Knowledge {
        if let Target::External(target) = &service.target {
            return match rest {
                [] => self.alias(name, kind, target),
                _ => Knowledge::Answer(self.apex.nothing(Outcome::NoName)),
            };
        }
        let answer = match rest {
            [] if kind == Kind::Srv => self.ports(name, name, service, |_| true),
            [] => match &service.target {
                Target::Cluster(own) => self.addresses(name, kind, own.iter().copied()),
                _ => self.hosts(name, kind, &service.endpoints, |_| true),
            },
            [protocol] if protocol.starts_with('_') => {
                let known = service.ports.iter().any(|port| port.protocol == protocol[1..]);
                self.apex.nothing(if known { Outcome::Found } else { Outcome::NoName })
            }
            [host] => self.hosts(name, kind, &service.endpoints, |one| one.host == *host),
            [protocol, port] if protocol.starts_with('_') && port.starts_with('_') => {
                let wanted =
                    |one: &PortName| one.protocol == protocol[1..] && one.name == port[1..];
                if !service.ports.iter().any(wanted) || port.len() == 1 {
                    self.apex.nothing(Outcome::NoName)
                } else if kind != Kind::Srv {
                    self.apex.nothing(Outcome::Found)
                } else {
                    let owner = name.splitn(3, '.').nth(2).unwrap_or(name);
                    self.ports(name, owner, service, wanted)
                }
            }
            _ => self.apex.nothing(Outcome::NoName),
        };
        Knowledge::Answer(answer)
    }

    /// A name whose endpoints are all gone is gone too.
    fn hosts(
        &self,
        name: &str,
        kind: Kind,
        endpoints: &[HostName],
        wanted: impl Fn(&HostName) -> bool,
    ) -> Answer {
        let found: Vec<IpAddr> =
            endpoints.iter().filter(|one| wanted(one)).map(|one| one.address).collect();
        if found.is_empty() {
            return self.apex.nothing(Outcome::NoName);
        }
        self.addresses(name, kind, found.into_iter())
    }

    /// Answers with ports, and with the addresses of the hosts that have them. `service_name` is
    /// the service's own name.
    fn ports(
        &self,
        name: &str,
        service_name: &str,
        service: &ServiceNames,
        wanted: impl Fn(&PortName) -> bool,
    ) -> Answer {
        let mut answer = Answer::found(Vec::new());
        let mut add = |port: u16, target: &str, addresses: &[IpAddr]| {
            let data = Data::Srv(port, target.to_owned());
            let record = self.apex.record(name, data);
            if !answer.records.contains(&record) {
                answer.records.push(record);
            }
            for address in addresses {
                let record = self.apex.record(target, Data::address(*address));
                if !answer.additional.contains(&record) {
                    answer.additional.push(record);
                }
            }
        };
        match &service.target {
            Target::Cluster(own) => {
                for port in service.ports.iter().filter(|one| wanted(one)) {
                    add(port.number, service_name, own);
                }
            }
            _ => {
                for endpoint in &service.endpoints {
                    let target = format!("{}.{service_name}", endpoint.host);
                    for port in endpoint.ports.iter().filter(|one| wanted(one)) {
                        add(port.number, &target, &[endpoint.address]);
                    }
                }
            }
        }
        if answer.records.is_empty() { self.apex.nothing(Outcome::NoName) } else { answer }
    }

    /// Follows an alias inside the zone; outside it is someone else's.
    fn alias(&self, name: &str, kind: Kind, target: &str) -> Knowledge {
        let record = self.apex.record(name, Data::Cname(target.to_owned()));
        if !matches!(kind, Kind::A | Kind::Aaaa) {
            let asked = kind == Kind::Cname;
            let answer =
                if asked { Answer::found(vec![record]) } else { self.apex.nothing(Outcome::Found) };
            return Knowledge::Answer(answer);
        }
        match self.relative(target) {
            None => Knowledge::Alias(record, target.to_owned()),
            // One step only: a service that points at itself must not go round for ever.
            Some(_) if self.is_alias(target) => Knowledge::Answer(Answer::found(vec![record])),
            Some(_) => match self.look_up(target, kind) {
                Knowledge::Answer(mut answer) => {
                    answer.records.insert(0, record);
                    Knowledge::Answer(answer)
                }
                other => other,
            },
        }
    }

    fn is_alias(&self, name: &str) -> bool {
        let Some(relative) = self.relative(name) else { return false };
        let labels: Vec<&str> = relative.split('.').collect();
        let [service, namespace, "svc"] = *labels else { return false };
        let found = self.index.service(namespace, service);
        found.is_some_and(|one| matches!(one.target, Target::External(_)))
    }
}
