//! What the engine makes of objects, identities and restarts.

use super::*;
use crate::{
    agent::policy::state::Member,
    policy::rule::{Direction, RuleRef},
};

#[test]
fn endpoints_are_closed_until_the_cluster_was_seen_then_open_then_isolated() {
    let rig = Rig::new();
    rig.engine.assign(&record(1, "api"), Vec::new());
    assert_eq!(rig.policies(1), Policies::NONE);
    rig.engine.set_synced();
    let open = Policies { ingress: numbers::OPEN, egress: numbers::OPEN };
    assert_eq!(rig.policies(1), open);
    let before = rig.revision();
    rig.apply(allows("a", "api", "web"));
    let isolated = rig.policies(1);
    assert!(isolated.ingress >= numbers::FIRST, "{isolated:?}");
    assert_eq!(isolated.egress, numbers::OPEN);
    assert!(rig.revision() > before, "connections are judged again");
    assert!(rig.verdicts(isolated.ingress).contains(&(CellVerdict::Isolated as u8)));
    rig.engine.objects_changed(NETPOL, Change::Gone("shop/a".to_owned()));
    rig.engine.settle();
    assert_eq!(rig.policies(1), open);
}

#[test]
fn a_policy_that_selects_others_now_frees_those_it_selected_before() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.engine.assign(&record(2, "web"), Vec::new());
    rig.apply(allows("a", "api", "web"));
    assert!(rig.policies(1).ingress >= numbers::FIRST);
    assert_eq!(rig.policies(2).ingress, numbers::OPEN);
    rig.apply(allows("a", "web", "api"));
    assert_eq!(rig.policies(1).ingress, numbers::OPEN);
    assert!(rig.policies(2).ingress >= numbers::FIRST);
}

#[test]
fn an_edit_that_changes_nothing_here_switches_nothing() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.apply(allows("a", "api", "web"));
    let (policies, revision) = (rig.policies(1), rig.revision());
    rig.apply(allows("a", "api", "web"));
    rig.apply(allows("b", "elsewhere", "web"));
    assert_eq!((rig.policies(1), rig.revision()), (policies, revision));
}

#[test]
fn endpoints_that_rules_treat_alike_share_a_policy() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.apply(allows("a", "api", "web"));
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.engine.assign(&record(2, "api"), Vec::new());
    rig.engine.assign(&record(3, "web"), Vec::new());
    assert_eq!(rig.policies(1), rig.policies(2));
    assert_eq!(rig.policies(3).ingress, numbers::OPEN);
}

#[test]
fn a_version_that_cannot_be_accepted_changes_nothing_and_is_told() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.apply(allows("a", "api", "web"));
    let policies = rig.policies(1);
    let mut broken = allows("a", "api", "web");
    broken["spec"]["ingress"][0]["ports"][0]["port"] = json!(-1);
    rig.apply(broken);
    assert_eq!(rig.policies(1), policies);
    let rejected = rig.engine.health().rejected;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0, "NetworkPolicy shop/a");
    rig.apply(allows("a", "api", "db"));
    assert!(rig.engine.health().rejected.is_empty());
    assert_ne!(rig.policies(1), policies);
}

#[test]
fn whom_a_policy_selects_that_was_never_accepted_is_isolated_and_told_why() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.engine.assign(&record(2, "web"), Vec::new());
    let mut broken = allows("a", "api", "web");
    broken["spec"]["ingress"][0]["ports"][0]["port"] = json!(-1);
    rig.apply(broken.clone());
    let isolated = rig.policies(1);
    assert_eq!(isolated.egress, numbers::OPEN, "the policy is about ingress");
    assert!(rig.verdicts(isolated.ingress).contains(&(CellVerdict::Isolated as u8)));
    assert_eq!(rig.policies(2).ingress, numbers::OPEN);
    let cells = rig.store.entries::<PolicyCellTable>().expect("a list");
    let rule = cells.iter().map(|(_, cell)| cell.rule_id).find(|rule| *rule != 0).expect("a rule");
    let named = rig.engine.rule(rule).expect("a name").to_string();
    assert_eq!(named, "NetworkPolicy shop/a", "the denial names the policy");
    assert_eq!(rig.engine.health().rejected.len(), 1);

    rig.apply(allows("a", "api", "web"));
    let accepted = rig.policies(1);
    assert_ne!(accepted, isolated);
    rig.apply(broken);
    assert_eq!(rig.policies(1), accepted, "the version before stays");
}

#[test]
fn a_new_identity_is_one_entry_and_no_new_policy() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.engine.identities_changed(vec![identity(600, "other"), identity(601, "other")], &[]);
    rig.apply(allows("a", "api", "web"));
    let (policies, revision) = (rig.policies(1), rig.revision());
    let classes = || rig.store.entries::<PolicyIdentityTable>().expect("a list").len();
    let before = classes();
    rig.engine.identities_changed(vec![identity(700, "web"), identity(701, "web")], &[]);
    rig.engine.settle();
    assert_eq!((rig.policies(1), rig.revision()), (policies, revision));
    assert_eq!(classes(), before + 2);
    let key = PolicyIdentityKey { policy: policies.ingress, identity: 700 };
    assert!(rig.store.get::<PolicyIdentityTable>(&key).expect("a read").is_some());
    assert_eq!(rig.store.get::<IdentityTable>(&700).expect("a read").map(|v| v.scope), Some(1));

    rig.engine.identities_changed(Vec::new(), &[Identity(700)]);
    rig.engine.settle();
    assert_eq!(rig.store.get::<IdentityTable>(&700).expect("a read"), None);
    assert!(rig.revision() > revision, "approvals for it are void");
}

/// Lets entities reach pods `app` of the namespace, and nobody else.
fn allows_entities(app: &str, entities: &[&str]) -> Value {
    json!({
        "metadata": { "name": "entities", "namespace": "shop" },
        "spec": {
            "endpointSelector": { "matchLabels": { "app": app } },
            "ingress": [{ "fromEntities": entities }],
        },
    })
}

const CNP: Kind = Kind::Policy(PolicyKind::CiliumNetworkPolicy);

#[test]
fn the_host_is_told_apart_once_the_api_server_is_there() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    let policy = object_of(allows_entities("api", &["kube-apiserver"]));
    rig.engine.objects_changed(CNP, Change::Changed(policy));
    rig.engine.settle();
    let class = |identity: Identity| {
        let key = PolicyIdentityKey { policy: rig.policies(1).ingress, identity: identity.0 };
        rig.store.get::<PolicyIdentityTable>(&key).expect("a read")
    };
    let (before, revision) = (class(Identity::HOST), rig.revision());
    let mut labels = Identity::HOST.fixed_labels();
    rig.engine.learn_nodes(&[(Identity::HOST, Arc::new(labels.clone()))].into());
    assert_eq!((class(Identity::HOST), rig.revision()), (before, revision), "nothing new");
    labels.0.insert("reserved:kube-apiserver".into(), String::new());
    rig.engine.learn_nodes(&[(Identity::HOST, Arc::new(labels))].into());
    assert_ne!(class(Identity::HOST), before);
    assert!(rig.revision() > revision, "connections are judged again");
    let known = |identity: Identity| {
        rig.store.get::<IdentityTable>(&identity.0).expect("a read").map(|value| value.scope)
    };
    assert_eq!(
        known(Identity::OUTSIDE_APISERVER_V6),
        Some(2),
        "of the world, known from the start"
    );
}

#[test]
fn nodes_with_labels_are_matched_as_the_judge_does() {
    use crate::agent::cluster::NodeLabels;
    let rig = Rig::new();
    assert_eq!(rig.engine.node_labels(), None, "a policy may be missing yet");
    rig.engine.set_synced();
    assert_eq!(rig.engine.node_labels(), Some(NodeLabels::Alike));
    let role = |role: &str| {
        let own = [("node:role", role), ("reserved:remote-node", "")];
        let cluster = [("k8s:io.cilium.k8s.policy.cluster", "default")];
        Arc::new(own.into_iter().chain(cluster).collect::<Labels>())
    };
    let (gpu, web) = (Identity::node(1), Identity::node(2));
    rig.engine.learn_nodes(&[(gpu, role("gpu"))].into());
    let mut policy = allows_entities("api", &[]);
    policy["spec"]["ingress"] = json!([{ "fromNodes": [{ "matchLabels": { "role": "gpu" } }] }]);
    rig.engine.objects_changed(CNP, Change::Changed(object_of(policy)));
    rig.engine.settle();
    assert_eq!(rig.engine.node_labels(), Some(NodeLabels::ByLabels));
    rig.engine.assign(&record(1, "api"), Vec::new());
    // Known before and after the policy, a node and a pod that calls itself alike.
    rig.engine.learn_nodes(&[(gpu, role("gpu")), (web, role("web"))].into());
    let class = |identity: Identity| {
        let key = PolicyIdentityKey { policy: rig.policies(1).ingress, identity: identity.0 };
        rig.store.get::<PolicyIdentityTable>(&key).expect("a read")
    };
    assert_ne!(class(gpu), class(web));
    assert_ne!(class(gpu), class(Identity::REMOTE_NODE));
    let revision = rig.revision();
    rig.engine.keep_nodes(&[(web, role("web"))].into());
    assert_eq!(rig.store.get::<IdentityTable>(&gpu.0).expect("a read"), None);
    assert!(rig.revision() > revision);
}

#[test]
fn an_identity_in_use_here_outlives_its_object() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.engine.identities_changed(Vec::new(), &[Identity(301)]);
    rig.engine.settle();
    assert!(rig.store.get::<IdentityTable>(&301).expect("a read").is_some());
}

#[test]
fn an_identity_that_goes_takes_none_of_an_earlier_agent_along() {
    let rig = Rig::new();
    let earlier = skep_bpf::abi::IdentityValue { scope: 1, flags: 0 };
    rig.store.put::<IdentityTable>(&900, &earlier).expect("a write");
    let engine = open(&rig.store, &rig.dir);
    engine.identities_changed(vec![identity(600, "web")], &[]);
    engine.settle();
    engine.identities_changed(Vec::new(), &[Identity(600)]);
    engine.settle();
    assert_eq!(rig.store.get::<IdentityTable>(&600).expect("a read"), None);
    assert_eq!(rig.store.get::<IdentityTable>(&900).expect("a read"), Some(earlier));
}

#[test]
fn a_restart_keeps_what_counts_until_the_cluster_was_seen() {
    let mut rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.assign(&record(1, "api"), Vec::new());
    rig.apply(allows("a", "api", "web"));
    let policies = rig.policies(1);
    let device = skep_bpf::abi::DeviceValue {
        kind: skep_bpf::abi::DeviceKind::Pod as u32,
        endpoint_id: 1,
        incarnation: 1,
        ingress_policy: policies.ingress,
        egress_policy: policies.egress,
        ..Default::default()
    };
    rig.store.put::<DeviceTable>(&1, &device).expect("a write");

    rig.restart();
    rig.engine.take_back(&record(1, "api"), Vec::new());
    // An old cache, in which the policy was another one.
    rig.engine.objects_changed(NETPOL, Change::Changed(object_of(allows("a", "api", "db"))));
    rig.engine.set_remembered();
    rig.engine.settle();
    rig.engine.repair();
    assert_eq!(rig.policies(1), policies, "what is in force is newer than the cache");
    assert!(!rig.verdicts(policies.ingress).is_empty());
    rig.engine.assign(&record(2, "api"), Vec::new());
    assert!(rig.policies(2).ingress >= numbers::FIRST, "new pods are isolated by the cache");

    rig.engine.objects_changed(NETPOL, Change::Listed(vec![object_of(allows("a", "api", "web"))]));
    rig.engine.set_synced();
    let now = rig.policies(1);
    assert!(now.ingress > policies.ingress, "a number is never used twice");
    let device = rig.store.get::<DeviceTable>(&1).expect("a read").expect("a device");
    assert_eq!(device.ingress_policy, now.ingress);
    rig.engine.repair();
    assert!(!rig.verdicts(policies.ingress).is_empty(), "programs may still be at it");
    rig.engine.prune_at(std::time::Instant::now() + Duration::from_secs(2));
    assert!(rig.verdicts(policies.ingress).is_empty());
    assert!(!rig.verdicts(now.ingress).is_empty());
}

#[test]
fn rules_are_asked_in_the_order_of_their_objects_whenever_these_came() {
    let mut sources = Sources::new(Settings::default());
    let cilium = |name: &str, namespace: Option<&str>| {
        let metadata = json!({ "name": name, "namespace": namespace });
        let ingress = json!([{ "fromEntities": ["all"] }, { "fromEntities": ["host"] }]);
        json!({ "metadata": metadata, "spec": { "endpointSelector": {}, "ingress": ingress } })
    };
    let objects = [
        (PolicyKind::CiliumClusterwideNetworkPolicy, cilium("a", None)),
        (PolicyKind::NetworkPolicy, allows("b", "api", "web")),
        (PolicyKind::CiliumNetworkPolicy, cilium("a", Some("shop"))),
        (PolicyKind::NetworkPolicy, allows("a-b", "api", "web")),
        (PolicyKind::NetworkPolicy, allows("a", "api", "web")),
        (PolicyKind::NetworkPolicy, allows("a", "api", "db")),
    ];
    for (kind, object) in objects {
        sources.apply(Kind::Policy(kind), Change::Changed(object_of(object)));
    }
    let subject = Member::new(&record(1, "api"), Vec::new()).actor;
    let mut wanted: Vec<RuleRef> = sources.policies().iter().flat_map(RuleRef::all).collect();
    wanted.retain(|rule| rule.direction == Direction::Ingress);
    wanted.sort_by_key(|rule| rule.turn);
    assert_eq!(wanted.len(), 3 + 2 * 2);
    assert!(sources.rules().of(&subject, Direction::Ingress) == wanted);
}
