//! Which selectors, peers and ports include others, for certain.

use ipnet::IpNet;

use crate::policy::rule::{
    CidrReach, Cidrs, Entity, LabelKey, LabelSource, Names, Peer, Peers, PortMatch, PortRule,
    Ports, Requirement, Selector, Subject, Test,
};

/// Pods' labels are of source `k8s`, so for them no source says the same.
fn same_key(a: &LabelKey, b: &LabelKey) -> bool {
    let pod = |key: &LabelKey| key.source == LabelSource::Any || key.is_of("k8s");
    a.name == b.name && (a.source == b.source || (pod(a) && pod(b)))
}

/// Tells whether whoever `inner` selects is selected by `outer`, too.
pub(super) fn implies(inner: &Selector, outer: &Selector) -> bool {
    // Most often they are the same.
    inner == outer
        || outer.requirements().all(|wanted| {
            inner.requirements().any(|given| {
                same_key(&given.key, &wanted.key) && test_implies(&given.test, &wanted.test)
            })
        })
}

fn test_implies(given: &Test, wanted: &Test) -> bool {
    match (given, wanted) {
        (Test::In(given), Test::In(wanted)) => given.is_subset(wanted),
        (Test::In(_) | Test::Exists, Test::Exists) => true,
        (Test::In(given), Test::NotIn(unwanted)) => given.is_disjoint(unwanted),
        (Test::NotIn(given), Test::NotIn(unwanted)) => unwanted.is_subset(given),
        (Test::Absent, Test::NotIn(_) | Test::Absent) => true,
        _ => false,
    }
}

/// Tells whether somebody may be selected by both.
pub(super) fn may_meet(a: &Selector, b: &Selector) -> bool {
    a.requirements().all(|Requirement { key, test }| {
        b.requirements().filter(|other| same_key(&other.key, key)).all(|other| {
            match (test, &other.test) {
                (Test::In(a), Test::In(b)) => !a.is_disjoint(b),
                (Test::In(a), Test::NotIn(b)) | (Test::NotIn(b), Test::In(a)) => !a.is_subset(b),
                (Test::Absent, Test::In(_) | Test::Exists)
                | (Test::In(_) | Test::Exists, Test::Absent) => false,
                _ => true,
            }
        })
    })
}

/// Tells whether all subjects of `inner` are subjects of `outer`.
pub(super) fn subject_covers(outer: &Subject, inner: &Subject) -> bool {
    let kinds = match (outer, inner) {
        (Subject::Nodes(_), Subject::Nodes(_)) => true,
        (Subject::Nodes(_), _) | (_, Subject::Nodes(_)) => false,
        (Subject::Pods(_), Subject::Endpoints(inner)) => {
            inner.has_key(|key| key.means_kubernetes(LabelKey::NAMESPACE))
        }
        _ => true,
    };
    kinds && implies(inner.selector(), outer.selector())
}

/// Tells whether rules about `outer` are about all of `inner`.
pub(super) fn peers_cover(outer: &Peers, inner: &Peers) -> bool {
    match (outer, inner) {
        (Peers::Any, _) => true,
        (Peers::Of(list), Peers::Any) => {
            list.iter().any(|peer| matches!(peer, Peer::Entity(Entity::All)))
        }
        (Peers::Of(outer), Peers::Of(inner)) => {
            !inner.is_empty() && inner.iter().all(|i| outer.iter().any(|o| peer_covers(o, i)))
        }
    }
}

fn peer_covers(outer: &Peer, inner: &Peer) -> bool {
    match (outer, inner) {
        (Peer::Entity(Entity::All), _) => true,
        (Peer::Labels(outer), Peer::Labels(inner)) => implies(inner, outer),
        (Peer::Entity(outer), Peer::Entity(inner)) => {
            outer == inner || entity_covers(*outer, *inner)
        }
        (Peer::Entity(Entity::World), Peer::Cidrs(inner)) => inner.reach == CidrReach::World,
        (Peer::Entity(Entity::World), Peer::Names(_)) => true,
        (Peer::Cidrs(outer), Peer::Cidrs(inner)) => cidrs_cover(outer, inner),
        (Peer::Names(outer), Peer::Names(inner)) => outer.written == inner.written,
        _ => false,
    }
}

fn entity_covers(outer: Entity, inner: Entity) -> bool {
    match outer {
        Entity::World => matches!(inner, Entity::WorldIpv4 | Entity::WorldIpv6),
        Entity::ClusterMesh if inner == Entity::Cluster => true,
        Entity::Cluster | Entity::ClusterMesh => matches!(
            inner,
            Entity::Host
                | Entity::RemoteNode
                | Entity::Init
                | Entity::Ingress
                | Entity::Health
                | Entity::Unmanaged
                | Entity::KubeApiserver
        ),
        _ => false,
    }
}

fn cidrs_cover(outer: &Cidrs, inner: &Cidrs) -> bool {
    let reaches = outer.reach == CidrReach::Everywhere || inner.reach == CidrReach::World;
    let is_kept = |except: &IpNet| {
        !overlap(except, &inner.prefix) || inner.except.iter().any(|own| own.contains(except))
    };
    reaches && outer.prefix.contains(&inner.prefix) && outer.except.iter().all(is_kept)
}

/// Tells whether two prefixes share an address.
pub(super) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Tells whether rules for `outer` are for all of `inner`.
pub(super) fn ports_cover(outer: &Ports, inner: &Ports) -> bool {
    match (outer, inner) {
        (Ports::All, _) => true,
        (Ports::Of(_), Ports::All) => false,
        (Ports::Of(outer), Ports::Of(inner)) => {
            !inner.is_empty() && inner.iter().all(|i| outer.iter().any(|o| port_covers(o, i)))
        }
    }
}

fn port_covers(outer: &PortRule, inner: &PortRule) -> bool {
    outer.protocol == inner.protocol
        && match (&outer.ports, &inner.ports) {
            (PortMatch::Any, _) => true,
            (PortMatch::Range(outer), PortMatch::Range(inner)) => {
                outer.first <= inner.first && inner.last <= outer.last
            }
            (outer, inner) => outer == inner,
        }
}

/// Tells whether rules of a pattern admit all names of another one.
pub(super) fn names_cover(outer: &Names, inner: &Names) -> bool {
    let is_everything = matches!(outer.written.as_str(), "*" | "**" | "*.");
    // What a pattern of one label may stand for is admitted if an example of it is.
    let example = inner.written.replace("**", "x.y").replace('*', "x");
    is_everything || outer.written == inner.written || outer.matches(&example)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(conditions: &[(&str, Test)]) -> Selector {
        let add =
            |all: Selector, (key, test): &(&str, Test)| all.and(LabelKey::parse(key), test.clone());
        conditions.iter().fold(Selector::default(), add)
    }

    fn is(value: &str) -> Test {
        Test::In([value.to_owned()].into())
    }

    #[test]
    fn selectors() {
        let web = select(&[("k8s:app", is("web")), ("tier", is("1"))]);
        assert!(
            implies(&web, &select(&[("app", is("web"))])),
            "any source and k8s are one for pods"
        );
        assert!(implies(&web, &Selector::default()));
        assert!(!implies(&Selector::default(), &web));
        assert!(implies(&web, &select(&[("app", Test::Exists)])));
        assert!(!implies(&web, &select(&[("reserved:app", is("web"))])));
        assert!(may_meet(&web, &select(&[("zone", is("a"))])));
        assert!(!may_meet(&web, &select(&[("app", is("db"))])));
        assert!(!may_meet(&web, &select(&[("app", Test::Absent)])));
    }

    #[test]
    fn prefixes() {
        let cidrs = |prefix: &str, except: &[&str]| Cidrs {
            prefix: prefix.parse().expect("a prefix"),
            except: except.iter().map(|e| e.parse().expect("a prefix")).collect(),
            reach: CidrReach::World,
        };
        let ten = cidrs("10.0.0.0/8", &["10.9.0.0/16"]);
        assert!(cidrs_cover(&ten, &cidrs("10.1.0.0/16", &[])));
        assert!(!cidrs_cover(&ten, &cidrs("10.9.1.0/24", &[])));
        assert!(!cidrs_cover(&ten, &cidrs("2001:db8::/32", &[])));
        assert!(cidrs_cover(&cidrs("2001:db8::/32", &[]), &cidrs("2001:db8:1::/48", &[])));
    }
}
