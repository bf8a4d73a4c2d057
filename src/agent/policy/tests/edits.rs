//! An engine that has seen edits, against a new one.

use proptest::prelude::*;
use skep_bpf::abi::{PolicyAddrKey, PolicyCellKey, PolicyPortKey};

use super::*;
use crate::maps::{PolicyAddrTable, PolicyPortTable};

const CCNP: Kind = Kind::Policy(PolicyKind::CiliumClusterwideNetworkPolicy);
const APPS: [&str; 3] = ["api", "web", "db"];
/// Endpoints; each two have the same labels.
const ENDPOINTS: u8 = 6;

/// Makes an object: policies of two kinds, some of which refer to the group that is the last one.
fn object(which: usize, says: usize) -> (Kind, Value) {
    let (to, from) = (APPS[says % 3], APPS[says / 3 % 3]);
    let clusterwide =
        |name: &str, spec: Value| (CCNP, json!({ "metadata": { "name": name }, "spec": spec }));
    let selector = json!({ "matchLabels": { "app": to } });
    match which {
        0 => (NETPOL, allows("a", to, from)),
        1 => (NETPOL, allows("b", to, from)),
        2 => clusterwide(
            "c",
            json!({ "endpointSelector": {}, "egress": [{ "toEndpoints": [selector] }] }),
        ),
        3 => {
            let group = [json!({ "cidrGroupRef": "g" })];
            let spec =
                json!({ "endpointSelector": selector, "ingress": [{ "fromCIDRSet": group }] });
            clusterwide("d", spec)
        }
        _ => {
            let prefixes = [format!("198.51.{says}.0/24")];
            let spec = json!({ "externalCIDRs": prefixes });
            (Kind::CidrGroup, json!({ "metadata": { "name": "g" }, "spec": spec }))
        }
    }
}

fn started() -> Rig {
    let rig = Rig::new();
    let app = |n: u8| APPS[usize::from(n) % 3];
    let known = (0..ENDPOINTS).map(|n| identity(300 + u32::from(n), app(n)));
    let others = (0..9).map(|n| identity(600 + u32::from(n), app(n)));
    rig.engine.identities_changed(known.chain(others).collect(), &[]);
    rig.engine.settle();
    for n in 0..ENDPOINTS {
        rig.engine.assign(&record(n, app(n)), Vec::new());
    }
    rig
}

/// Everything that programs look up for an endpoint in one direction.
type Tables = (
    Vec<(u32, u32)>,
    Vec<(PolicyAddrKey, u32)>,
    Vec<(PolicyPortKey, u32)>,
    Vec<(PolicyCellKey, u8, u32)>,
);

/// Returns the tables of a policy without its number.
fn tables(rig: &Rig, policy: u32) -> Option<Tables> {
    if policy < numbers::FIRST {
        assert_eq!(policy, numbers::OPEN);
        return None;
    }
    let identities = rig.store.entries::<PolicyIdentityTable>().expect("a list").into_iter();
    let addresses = rig.store.entries::<PolicyAddrTable>().expect("a list").into_iter();
    let ports = rig.store.entries::<PolicyPortTable>().expect("a list").into_iter();
    let cells = rig.store.entries::<PolicyCellTable>().expect("a list").into_iter();
    let of = |own: u32| own == policy;
    Some((
        identities.filter(|(key, _)| of(key.policy)).map(|(key, c)| (key.identity, c)).collect(),
        addresses
            .filter(|(key, _)| of(key.policy))
            .map(|(key, class)| (PolicyAddrKey { policy: 0, ..key }, class))
            .collect(),
        ports
            .filter(|(key, _)| of(key.policy))
            .map(|(key, class)| (PolicyPortKey { policy: 0, ..key }, class))
            .collect(),
        cells
            .filter(|(key, _)| of(key.policy))
            .map(|(key, cell)| (PolicyCellKey { policy: 0, ..key }, cell.verdict, cell.rule_id))
            .collect(),
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn edits_leave_what_a_new_engine_makes_of_the_last_versions(
        edits in prop::collection::vec(
            ((0..5_usize, prop::option::weighted(0.8, 0..9_usize)), any::<bool>()),
            1..16,
        ),
    ) {
        let edited = started();
        edited.engine.set_synced();
        let mut last = [None; 5];
        for ((which, says), settle) in edits {
            let (kind, object) = object(which, says.unwrap_or_default());
            let object = object_of(object);
            let change = if says.is_some() { Change::Changed(object) } else { Change::Gone(object.key()) };
            edited.engine.objects_changed(kind, change);
            last[which] = says;
            if settle {
                edited.engine.settle();
            }
        }
        edited.engine.settle();
        let new = started();
        let objects = last.iter().enumerate().filter_map(|(which, says)| Some(object(which, (*says)?)));
        for (kind, object) in objects {
            new.engine.objects_changed(kind, Change::Changed(object_of(object)));
        }
        new.engine.set_synced();
        for n in 0..ENDPOINTS {
            let (before, after) = (new.policies(n), edited.policies(n));
            prop_assert_eq!(tables(&new, before.ingress), tables(&edited, after.ingress), "{}", n);
            prop_assert_eq!(tables(&new, before.egress), tables(&edited, after.egress), "{}", n);
        }
    }
}
