//! `NetworkPolicy` of Kubernetes.

use std::sync::Arc;

use super::{
    cidr,
    cursor::{Cursor, Fields},
    object::{Compat, Object},
    port::is_service_name,
    selector,
};
use crate::policy::{
    rule::{
        Action, CidrReach, Direction, LabelKey, Peer, Peers, PortMatch, PortRule, Ports, Protocol,
        Rule, RulePlace, Selector, Subject, Turn,
    },
    text::Mark,
};

const FIELDS: [&str; 4] = ["podSelector", "policyTypes", "ingress", "egress"];

/// Reads all rules of an object. A direction that is isolated without rules has one about nobody.
pub(super) fn read(object: &Object<'_>) -> Vec<Rule> {
    let Some(spec) = object.fields.get("spec") else {
        object.fields.cursor.refuse("spec must be given");
        return Vec::new();
    };
    let Some(fields) = spec.fields(&FIELDS) else {
        return Vec::new();
    };
    let reader = Reader { object, subject: subject(object, &fields) };
    let types = types(&fields);
    let mut rules = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let items = fields.list(direction.name()).unwrap_or_default();
        let read: Vec<Rule> = items.iter().filter_map(|i| reader.rule(direction, i)).collect();
        if !types.contains(&direction) {
            continue;
        }
        if items.is_empty() {
            rules.push(reader.isolation(direction, &spec));
        }
        rules.extend(read);
    }
    rules
}

/// Reads whom a spec selects.
pub(super) fn subject(object: &Object<'_>, fields: &Fields<'_>) -> Subject {
    let own = fields.get("podSelector").map(|cursor| selector::plain(&cursor)).unwrap_or_default();
    Subject::Pods(reader_namespace(object, own))
}

/// Returns the directions that a spec isolates, whatever its rules say.
pub(super) fn isolated(fields: &Fields<'_>) -> Vec<Direction> {
    let _ = fields.cursor.fields(&FIELDS);
    types(fields)
}

fn reader_namespace(object: &Object<'_>, selector: Selector) -> Selector {
    let namespace = object.reference.namespace.as_deref().unwrap_or("default");
    selector.and_is(LabelKey::kubernetes(LabelKey::NAMESPACE), namespace)
}

/// Ingress always, egress if there are rules for it, unless the policy says otherwise.
fn types(fields: &Fields<'_>) -> Vec<Direction> {
    let given = fields.list("policyTypes").unwrap_or_default();
    if given.is_empty() {
        let egress = fields.get("egress").is_some_and(|egress| !egress.node.items().is_empty());
        let also = egress.then_some(Direction::Egress);
        return std::iter::once(Direction::Ingress).chain(also).collect();
    }
    let read = |cursor: &Cursor<'_>| match cursor.text()? {
        "Ingress" => Some(Direction::Ingress),
        "Egress" => Some(Direction::Egress),
        other => {
            cursor.refuse(format!("{other:?} is neither Ingress nor Egress"));
            None
        }
    };
    given.iter().filter_map(read).collect()
}

struct Reader<'a> {
    object: &'a Object<'a>,
    subject: Subject,
}

impl Reader<'_> {
    fn make(
        &self,
        direction: Direction,
        (path, at): (String, Mark),
        peers: Peers,
        ports: Ports,
    ) -> Rule {
        Rule {
            place: RulePlace { policy: Arc::clone(&self.object.reference), path, at },
            subject: self.subject.clone(),
            direction,
            turn: Turn::NORMAL,
            peers,
            ports,
            action: Action::Allow(None),
            isolates: true,
        }
    }

    fn isolation(&self, direction: Direction, spec: &Cursor<'_>) -> Rule {
        let place = (spec.path.clone(), spec.node.span.start);
        self.make(direction, place, Peers::Of(Vec::new()), Ports::All)
    }

    fn rule(&self, direction: Direction, item: &Cursor<'_>) -> Option<Rule> {
        let side = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let fields = item.fields(&[side, "ports"])?;
        let items = |key| fields.list(key).filter(|items: &Vec<Cursor<'_>>| !items.is_empty());
        let peers = match items(side) {
            Some(list) => Peers::Of(list.iter().filter_map(|i| self.peer(i)).collect()),
            None => Peers::Any,
        };
        let ports = match items("ports") {
            Some(list) => Ports::Of(list.iter().filter_map(port).collect()),
            None => Ports::All,
        };
        Some(self.make(direction, (item.path.clone(), item.node.span.start), peers, ports))
    }

    fn peer(&self, item: &Cursor<'_>) -> Option<Peer> {
        let fields = item.fields(&["podSelector", "namespaceSelector", "ipBlock"])?;
        let pods = fields.get("podSelector").map(|cursor| selector::plain(&cursor));
        let namespaces = fields.get("namespaceSelector").map(|c| selector::namespaces(&c));
        if let Some(block) = fields.get("ipBlock") {
            if pods.is_some() || namespaces.is_some() {
                item.refuse("takes either ipBlock or selectors");
            }
            let reach = match self.object.settings.compat {
                Compat::Kubernetes => CidrReach::Everywhere,
                Compat::Cilium => CidrReach::World,
            };
            let fields = block.fields(&["cidr", "except"])?;
            if fields.get("cidr").is_none() {
                block.refuse("cidr must be given");
            }
            return cidr::cidrs(&fields, reach).map(Peer::Cidrs);
        }
        let selector = match (pods, namespaces) {
            (Some(pods), None) => reader_namespace(self.object, pods),
            (None, Some(namespaces)) => namespaces,
            (Some(pods), Some(namespaces)) => both(&pods, namespaces),
            (None, None) => {
                item.refuse("needs podSelector, namespaceSelector or ipBlock");
                return None;
            }
        };
        let cluster = &self.object.settings.cluster;
        Some(Peer::Labels(selector.and_is(LabelKey::kubernetes(LabelKey::CLUSTER), cluster)))
    }
}

/// Joins the conditions of two selectors.
pub(super) fn both(one: &Selector, other: Selector) -> Selector {
    one.requirements()
        .fold(other, |all, condition| all.and(condition.key.clone(), condition.test.clone()))
}

fn port(item: &Cursor<'_>) -> Option<PortRule> {
    let fields = item.fields(&["protocol", "port", "endPort"])?;
    let protocol = match fields.get("protocol") {
        None => Protocol::Tcp,
        Some(cursor) => {
            let name = cursor.text()?;
            let named = Protocol::WITH_PORTS.into_iter().find(|p| p.name() == name);
            if named.is_none() {
                cursor.refuse(format!("{name:?} is none of TCP, UDP, SCTP"));
            }
            named?
        }
    };
    let end = fields.get("endPort");
    let Some(port) = fields.get("port") else {
        if let Some(end) = end {
            end.refuse("needs a port");
        }
        return Some(PortRule { protocol, ports: PortMatch::Any, proxy: None });
    };
    let ports = if let Some(name) = port.node.text() {
        if !is_service_name(name) {
            port.refuse(format!("{name:?} is no port name; a number must not be in quotes"));
        }
        if let Some(end) = end {
            end.refuse("needs a port with a number");
        }
        PortMatch::Named(name.to_owned())
    } else {
        let first = u16::try_from(port.number(1, 65535)?).ok()?;
        let last = match &end {
            Some(end) => u16::try_from(end.number(1, 65535)?).ok()?,
            None => first,
        };
        if let Some(end) = end.filter(|_| last < first) {
            end.refuse(format!("must not be below port {first}"));
        }
        PortMatch::range(first, last)
    };
    Some(PortRule { protocol, ports, proxy: None })
}
