//! `ClusterNetworkPolicy`, and its ancestors `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy`.

use std::sync::Arc;

use super::{
    cidr,
    cursor::{Cursor, Fields},
    domain,
    network_policy::both,
    object::{Compat, Object},
    problem::ProblemCode,
    selector,
};
use crate::policy::rule::{
    Action, CidrReach, Cidrs, Direction, LabelKey, Peer, Peers, PolicyKind, PortMatch, PortRule,
    Ports, Protocol, Rule, RulePlace, Selector, Subject, Test, Tier, Turn,
};

const MAX_PRIORITY: i64 = 1000;

/// Reads all rules of an object.
pub(super) fn read(object: &Object<'_>) -> Vec<Rule> {
    let Some(spec) = object.fields.get("spec") else {
        object.fields.cursor.refuse("spec must be given");
        return Vec::new();
    };
    let kind = object.reference.kind;
    let known: &[&str] = match kind {
        PolicyKind::ClusterNetworkPolicy => &["tier", "priority", "subject", "ingress", "egress"],
        PolicyKind::AdminNetworkPolicy => &["priority", "subject", "ingress", "egress"],
        _ => &["subject", "ingress", "egress"],
    };
    let Some(fields) = spec.fields(known) else { return Vec::new() };
    let Some((tier, priority)) = turn(object, &fields) else { return Vec::new() };
    let Some(subject) = subject(&fields) else { return Vec::new() };
    let limit = if kind == PolicyKind::ClusterNetworkPolicy { 25 } else { 100 };
    let mut rules = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let items = fields.list(direction.name()).unwrap_or_default();
        if items.len() > limit {
            spec.refuse(format!(
                "has {} {} rules; {limit} are the most",
                items.len(),
                direction.name()
            ));
        }
        for (number, item) in (0..).zip(&items) {
            let turn = Turn { tier, priority, rule: number };
            let scope = Scope { object, tier, direction };
            rules.extend(scope.rule(item, &subject, turn));
        }
    }
    rules
}

fn turn(object: &Object<'_>, fields: &Fields<'_>) -> Option<(Tier, u32)> {
    let tier = match object.reference.kind {
        PolicyKind::ClusterNetworkPolicy => {
            let Some(cursor) = fields.get("tier") else {
                fields.cursor.refuse("tier must be given: Admin or Baseline");
                return None;
            };
            match cursor.text()? {
                "Admin" => Tier::Admin,
                "Baseline" => Tier::Baseline,
                other => {
                    cursor.refuse(format!("{other:?} is neither Admin nor Baseline"));
                    return None;
                }
            }
        }
        PolicyKind::AdminNetworkPolicy => Tier::Admin,
        _ => {
            if object.reference.name != "default" {
                let message = "the only BaselineAdminNetworkPolicy is called \"default\"";
                object.fields.cursor.refuse(message);
            }
            return Some((Tier::Baseline, 0));
        }
    };
    let Some(priority) = fields.get("priority") else {
        fields.cursor.refuse(format!("priority must be given, from 0 to {MAX_PRIORITY}"));
        return None;
    };
    Some((tier, u32::try_from(priority.number(0, MAX_PRIORITY)?).ok()?))
}

fn subject(fields: &Fields<'_>) -> Option<Subject> {
    let Some(cursor) = fields.get("subject") else {
        fields.cursor.refuse("subject must be given");
        return None;
    };
    let fields = cursor.fields(&["namespaces", "pods"])?;
    let which = fields.one_of(&["namespaces", "pods"])?;
    pods(which, &fields.get(which)?).map(Subject::Pods)
}

/// Reads pods, chosen by their namespaces and perhaps by their own labels.
fn pods(which: &str, cursor: &Cursor<'_>) -> Option<Selector> {
    if which == "namespaces" {
        return Some(selector::namespaces(cursor));
    }
    let fields = cursor.fields(&["namespaceSelector", "podSelector"])?;
    let part = |key: &str, read: fn(&Cursor<'_>) -> Selector| {
        let part = fields.get(key).map(|cursor| read(&cursor));
        if part.is_none() {
            cursor.refuse(format!("{key} must be given"));
        }
        part
    };
    let namespaces = part("namespaceSelector", selector::namespaces)?;
    Some(both(&part("podSelector", selector::plain)?, namespaces))
}

struct Scope<'a> {
    object: &'a Object<'a>,
    tier: Tier,
    direction: Direction,
}

impl Scope<'_> {
    fn is_current(&self) -> bool {
        self.object.reference.kind == PolicyKind::ClusterNetworkPolicy
    }

    fn rule(&self, item: &Cursor<'_>, subject: &Subject, turn: Turn) -> Option<Rule> {
        let side = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let ports_key = if self.is_current() { "protocols" } else { "ports" };
        let fields = item.fields(&["name", "action", side, ports_key])?;
        if fields.text("name").is_some_and(|name| name.chars().count() > 100) {
            item.refuse("name is longer than 100 characters");
        }
        let action = self.action(&fields)?;
        let peers = self.peers(&fields, side, action);
        let ports = match fields.list(ports_key) {
            None => Ports::All,
            Some(list) if list.is_empty() => {
                item.refuse(format!("{ports_key} must not be empty"));
                return None;
            }
            Some(list) if self.is_current() => Ports::Of(list.iter().flat_map(protocol).collect()),
            Some(list) => Ports::Of(list.iter().flat_map(ancestral_port).collect()),
        };
        Some(Rule {
            place: RulePlace {
                policy: Arc::clone(&self.object.reference),
                path: item.path.clone(),
                at: item.node.span.start,
            },
            subject: subject.clone(),
            direction: self.direction,
            turn,
            peers,
            ports,
            action,
            isolates: false,
        })
    }

    fn action(&self, fields: &Fields<'_>) -> Option<Action> {
        let Some(cursor) = fields.get("action") else {
            fields.cursor.refuse("action must be given");
            return None;
        };
        let accept = if self.is_current() { "Accept" } else { "Allow" };
        let may_pass = self.is_current() || self.tier == Tier::Admin;
        match cursor.text()? {
            name if name == accept => Some(Action::Allow(None)),
            "Deny" => Some(Action::Deny),
            "Pass" if may_pass => Some(Action::Pass),
            other => {
                let pass = if may_pass { ", Pass" } else { "" };
                cursor.refuse(format!("{other:?} is none of {accept}, Deny{pass}"));
                None
            }
        }
    }

    fn peers(&self, fields: &Fields<'_>, side: &str, action: Action) -> Peers {
        let list = fields.list(side).unwrap_or_default();
        if list.is_empty() {
            fields.cursor.refuse(format!("{side} must name a peer"));
        }
        if list.len() > if self.is_current() { 25 } else { 100 } {
            fields.cursor.refuse(format!("{side} has {} peers, which are too many", list.len()));
        }
        Peers::Of(list.iter().flat_map(|item| self.peer(item, action)).collect())
    }

    fn peer(&self, item: &Cursor<'_>, action: Action) -> Vec<Peer> {
        let kinds: &[&str] = match self.direction {
            Direction::Ingress => &["namespaces", "pods"],
            Direction::Egress => &["namespaces", "pods", "nodes", "networks", "domainNames"],
        };
        let Some(fields) = item.any_fields() else { return Vec::new() };
        // A peer of a kind that is newer than this program must not open anything, nor be skipped by
        // what denies.
        if fields.present(kinds).is_empty()
            && let Some(unknown) = item.node.entries().first()
        {
            let message = format!("{:?} is no kind of peer that is known here", unknown.key);
            item.note(ProblemCode::UnknownPeer, message.clone());
            return vec![Peer::Unknown(message)];
        }
        let Some(which) = fields.one_of(kinds) else { return Vec::new() };
        let Some(cursor) = fields.get(which) else { return Vec::new() };
        match which {
            "nodes" => node_peers(&cursor),
            "networks" => self.networks(&cursor),
            "domainNames" => {
                if !matches!(action, Action::Allow(_)) {
                    cursor.refuse("names can only be accepted");
                }
                cursor.list().iter().filter_map(domain::domain).map(Peer::Names).collect()
            }
            pods_or_namespaces => pods(pods_or_namespaces, &cursor)
                .map(|selector| {
                    let cluster = &self.object.settings.cluster;
                    Peer::Labels(selector.and_is(LabelKey::kubernetes(LabelKey::CLUSTER), cluster))
                })
                .into_iter()
                .collect(),
        }
    }

    fn networks(&self, cursor: &Cursor<'_>) -> Vec<Peer> {
        let reach = match self.object.settings.compat {
            Compat::Kubernetes => CidrReach::Everywhere,
            Compat::Cilium => CidrReach::World,
        };
        let make = |prefix| Peer::Cidrs(Cidrs { prefix, except: Vec::new(), reach });
        cursor.list().iter().filter_map(cidr::prefix).map(make).collect()
    }
}

/// Nodes are this one and the others.
fn node_peers(cursor: &Cursor<'_>) -> Vec<Peer> {
    let labels = selector::nodes(cursor);
    let of = |name| Peer::Labels(labels.clone().and(LabelKey::of("reserved", name), Test::Exists));
    vec![of("host"), of("remote-node")]
}

fn protocol(item: &Cursor<'_>) -> Vec<PortRule> {
    let kinds = ["tcp", "udp", "sctp", "destinationNamedPort"];
    let Some(fields) = item.fields(&kinds) else { return Vec::new() };
    let Some(which) = fields.one_of(&kinds) else { return Vec::new() };
    let Some(cursor) = fields.get(which) else { return Vec::new() };
    let Some(protocol) = Protocol::from_name(which) else {
        return cursor.text().map(named).unwrap_or_default();
    };
    let ports = cursor
        .fields(&["destinationPort"])
        .and_then(|fields| fields.get("destinationPort"))
        .map_or(Some(PortMatch::Any), |port| destination_port(&port));
    ports.map(|ports| PortRule { protocol, ports, proxy: None }).into_iter().collect()
}

fn named(name: &str) -> Vec<PortRule> {
    let rule =
        |protocol| PortRule { protocol, ports: PortMatch::Named(name.to_owned()), proxy: None };
    Protocol::WITH_PORTS.map(rule).to_vec()
}

fn destination_port(cursor: &Cursor<'_>) -> Option<PortMatch> {
    let fields = cursor.fields(&["number", "range"])?;
    match fields.one_of(&["number", "range"])? {
        "number" => port_number(&fields.get("number")?).map(PortMatch::one),
        _ => range(&fields.get("range")?.fields(&["start", "end"])?),
    }
}

fn port_number(cursor: &Cursor<'_>) -> Option<u16> {
    u16::try_from(cursor.number(1, 65535)?).ok()
}

fn range(fields: &Fields<'_>) -> Option<PortMatch> {
    let (Some(start), Some(end)) = (fields.get("start"), fields.get("end")) else {
        fields.cursor.refuse("start and end must be given");
        return None;
    };
    let (first, last) = (port_number(&start)?, port_number(&end)?);
    if last < first {
        end.refuse(format!("must not be below {first}"));
    }
    Some(PortMatch::range(first, last))
}

fn ancestral_port(item: &Cursor<'_>) -> Vec<PortRule> {
    let kinds = ["portNumber", "portRange", "namedPort"];
    let Some(fields) = item.fields(&kinds) else { return Vec::new() };
    let Some(which) = fields.one_of(&kinds) else { return Vec::new() };
    let Some(cursor) = fields.get(which) else { return Vec::new() };
    if which == "namedPort" {
        return cursor.text().map(named).unwrap_or_default();
    }
    let known: &[&str] = match which {
        "portNumber" => &["protocol", "port"],
        _ => &["protocol", "start", "end"],
    };
    let Some(fields) = cursor.fields(known) else { return Vec::new() };
    let protocol = fields.text("protocol").map_or(Some(Protocol::Tcp), Protocol::from_name);
    let ports = match which {
        "portNumber" => fields.get("port").and_then(|port| port_number(&port)).map(PortMatch::one),
        _ => range(&fields),
    };
    let (Some(protocol), Some(ports)) = (protocol, ports) else {
        cursor.refuse("needs a protocol and a port");
        return Vec::new();
    };
    vec![PortRule { protocol, ports, proxy: None }]
}
