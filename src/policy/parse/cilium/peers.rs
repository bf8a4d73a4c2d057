//! The peers of a rule.

use super::spec::Scope;
use crate::policy::{
    parse::{
        cidr,
        cursor::{Cursor, Fields},
        domain, selector,
    },
    rule::{
        CidrReach, Cidrs, Direction, Entity, LabelKey, Peer, Peers, Selector, ServiceChoice,
        ServicePeer, Subject, Test, cidr_group,
    },
};

const FROM: [&str; 6] =
    ["fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups"];
const TO: [&str; 8] = [
    "toEndpoints",
    "toCIDR",
    "toCIDRSet",
    "toEntities",
    "toNodes",
    "toGroups",
    "toServices",
    "toFQDNs",
];

/// Returns the fields that name peers.
pub(super) fn kinds(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Ingress => &FROM,
        Direction::Egress => &TO,
    }
}

/// Reads the peers; `None` if the rule says nothing of them.
pub(super) fn read(scope: &Scope<'_>, fields: &Fields<'_>) -> Option<Peers> {
    let given = fields.present(kinds(scope.direction));
    let has_items = |key: &&&str| fields.get(key).is_some_and(|c| !c.node.items().is_empty());
    let full: Vec<&str> = given.iter().filter(has_items).copied().collect();
    if full.len() > 1 {
        fields.cursor.refuse(format!("takes only one of {}", full.join(", ")));
    }
    let mut peers = Vec::new();
    let mut says_any = false;
    for key in given {
        // Empty lists of these two count as missing; of the others, as nobody.
        says_any |= !matches!(key, "toFQDNs" | "toGroups") || full.contains(&key);
        let Some(cursor) = fields.get(key) else { continue };
        if key == "toFQDNs" && scope.denies {
            cursor.refuse("names cannot be denied");
        }
        peers.extend(cursor.list().iter().filter_map(|item| peer(scope, key, item)));
    }
    says_any.then_some(Peers::Of(peers))
}

fn peer(scope: &Scope<'_>, key: &str, item: &Cursor<'_>) -> Option<Peer> {
    match key {
        "fromEndpoints" | "toEndpoints" => Some(Peer::Labels(endpoints(scope, item))),
        "fromNodes" | "toNodes" => Some(Peer::Labels(nodes(scope, item))),
        "fromEntities" | "toEntities" => entity(item),
        "fromCIDR" | "toCIDR" => cidr::prefix(item).map(|prefix| {
            Peer::Cidrs(Cidrs { prefix, except: Vec::new(), reach: CidrReach::World })
        }),
        "fromCIDRSet" | "toCIDRSet" => cidr_set(item),
        "fromGroups" | "toGroups" => groups(item),
        "toServices" => services(scope, item),
        "toFQDNs" => domain::names(item).map(Peer::Names),
        _ => None,
    }
}

fn entity(item: &Cursor<'_>) -> Option<Peer> {
    let name = item.text()?;
    let entity = Entity::from_name(name);
    if entity.is_none() {
        let names = Entity::ALL.map(Entity::name).join(", ");
        item.refuse(format!("{name:?} is no entity; there are {names}"));
    }
    entity.map(Peer::Entity)
}

/// Adds what an item leaves unsaid: the policy's namespace, and this cluster.
fn endpoints(scope: &Scope<'_>, item: &Cursor<'_>) -> Selector {
    let selector = selector::sourced(item);
    if selector.has_key(|key| key.is_of("reserved")) {
        return selector;
    }
    let names_namespace = selector.has_key(|key| key.means_kubernetes(LabelKey::NAMESPACE));
    let names_labels = selector.has_key(|key| key.name.starts_with(LabelKey::NAMESPACE_LABELS));
    let key = || LabelKey::kubernetes(LabelKey::NAMESPACE);
    let selector = match &scope.object.reference.namespace {
        _ if names_namespace => selector,
        Some(_) if names_labels => selector,
        Some(namespace) => selector.and_is(key(), namespace),
        None if is_about_init(&scope.subject) => selector,
        None => selector.and(key(), Test::Exists),
    };
    in_cluster(scope, selector)
}

fn is_about_init(subject: &Subject) -> bool {
    matches!(subject, Subject::Endpoints(own) if own.has_key(|k| k.is_of("reserved") && *k.name == *"init"))
}

fn in_cluster(scope: &Scope<'_>, selector: Selector) -> Selector {
    if selector.has_key(|key| key.means_kubernetes(LabelKey::CLUSTER)) {
        return selector;
    }
    selector.and_is(LabelKey::kubernetes(LabelKey::CLUSTER), &scope.object.settings.cluster)
}

fn nodes(scope: &Scope<'_>, item: &Cursor<'_>) -> Selector {
    let selector = selector::nodes(item).and(LabelKey::of("reserved", "remote-node"), Test::Exists);
    in_cluster(scope, selector)
}

fn cidr_set(item: &Cursor<'_>) -> Option<Peer> {
    let fields = item.fields(&["cidr", "cidrGroupRef", "cidrGroupSelector", "except"])?;
    match fields.one_of(&["cidr", "cidrGroupRef", "cidrGroupSelector"])? {
        "cidr" => cidr::cidrs(&fields, CidrReach::World).map(Peer::Cidrs),
        "cidrGroupRef" => Some(Peer::CidrGroup {
            labels: cidr_group(fields.text("cidrGroupRef")?),
            except: cidr::except(&fields, None),
        }),
        _ => Some(Peer::CidrGroup {
            labels: group_labels(&selector::sourced(&fields.get("cidrGroupSelector")?)),
            except: cidr::except(&fields, None),
        }),
    }
}

/// Labels of groups have a source of their own.
fn group_labels(selector: &Selector) -> Selector {
    selector.requirements().fold(Selector::default(), |all, requirement| {
        let key = LabelKey::of("cidrgroup", &requirement.key.name);
        all.and(key, requirement.test.clone())
    })
}

fn groups(item: &Cursor<'_>) -> Option<Peer> {
    let fields = item.fields(&["aws"])?;
    let aws = fields.get("aws").and_then(|aws| {
        aws.fields(&["labels", "securityGroupsIds", "securityGroupsNames", "region"])
    });
    if aws.is_none() {
        item.refuse("aws must be given");
    }
    Some(Peer::Unknown("groups of a cloud are not looked up".to_owned()))
}

fn services(scope: &Scope<'_>, item: &Cursor<'_>) -> Option<Peer> {
    let fields = item.fields(&["k8sService", "k8sServiceSelector"])?;
    let own = scope.object.reference.namespace.clone();
    match fields.one_of(&["k8sService", "k8sServiceSelector"])? {
        "k8sService" => {
            let service = fields.get("k8sService")?.fields(&["serviceName", "namespace"])?;
            let name = service.text("serviceName").unwrap_or_default();
            if name.is_empty() {
                service.cursor.refuse("serviceName must be given");
            }
            let namespace = namespace_of(&service).or(own);
            Some(Peer::Services(ServicePeer {
                namespace,
                which: ServiceChoice::Name(name.to_owned()),
            }))
        }
        _ => {
            let chosen = fields.get("k8sServiceSelector")?.fields(&["selector", "namespace"])?;
            let Some(cursor) = chosen.get("selector") else {
                chosen.cursor.refuse("selector must be given");
                return None;
            };
            let namespace = namespace_of(&chosen).or(own);
            let which = ServiceChoice::Labels(selector::plain(&cursor));
            Some(Peer::Services(ServicePeer { namespace, which }))
        }
    }
}

fn namespace_of(fields: &Fields<'_>) -> Option<String> {
    fields.text("namespace").filter(|name| !name.is_empty()).map(str::to_owned)
}
