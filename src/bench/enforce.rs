//! Policies in force on the pods of a node without an agent.

use serde_json::json;
use skep_bpf::abi::policy;

use super::node::{StandaloneNode, StandalonePod};
use crate::{
    maps::{
        self, DeviceTable, EndpointTable, MapError, MapStore, PolicyAddrTable, PolicyCellTable,
        PolicyIdentityTable, PolicyPortTable, RevisionTable,
    },
    model::Labels,
    policy::{
        Input,
        cluster::{Actor, Role},
        compile::{Roster, RuleIndex, Subject, compile},
        judge::Mode,
        parse::Settings,
        rule::Direction,
        text::Document,
    },
};

/// Whether the pods of a node have a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforced {
    /// They have none.
    Nothing,
    /// They get and send on one port only.
    OnePort,
}

/// Gives the pods of a node their policies, and makes their connections be judged again.
///
/// # Errors
/// When a map refuses.
pub(super) fn enforce(
    node: &StandaloneNode,
    pods: &[StandalonePod],
    (enforced, port): (Enforced, u16),
) -> Result<(), MapError> {
    let maps = node.datapath().maps();
    let [ingress, egress] = match enforced {
        Enforced::Nothing => [policy::OPEN; 2],
        Enforced::OnePort => {
            write(&*maps, port)?;
            NUMBERS
        }
    };
    for pod in pods {
        let ifindex = pod.device.ifindex.0;
        if let Some(mut device) = maps.get::<DeviceTable>(&ifindex)? {
            (device.ingress_policy, device.egress_policy) = (ingress, egress);
            maps.put::<DeviceTable>(&ifindex, &device)?;
        }
        for address in pod.addresses.iter().map(Into::into) {
            if let Some(mut endpoint) = maps.get::<EndpointTable>(&address)? {
                (endpoint.ingress_policy, endpoint.egress_policy) = (ingress, egress);
                maps.put::<EndpointTable>(&address, &endpoint)?;
            }
        }
    }
    let revision = maps.get::<RevisionTable>(&0)?.unwrap_or_default();
    maps.put::<RevisionTable>(&0, &(revision + 1))
}

/// Numbers of the two policies.
const NUMBERS: [u32; 2] = [policy::FIRST, policy::FIRST + 1];

fn write(maps: &impl MapStore, port: u16) -> Result<(), MapError> {
    let rule = json!([{ "ports": [{ "port": port }] }]);
    let object = json!({
        "metadata": { "name": "one-port", "namespace": "default" },
        "spec": {
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "ingress": rule, "egress": rule,
        },
    });
    let mut input = Input::new(Settings::default());
    let document = Document::of_item("networking.k8s.io/v1", "NetworkPolicy", object);
    input.add(&document).expect("it is the only one");
    let grounds = input.grounds();
    let judge = grounds.judge(Mode::Default);
    let labels = Labels::from_iter([("k8s:io.kubernetes.pod.namespace", "default")]);
    let pod = Actor::new("default/pod", Role::Pod, labels);
    let rules = RuleIndex::new(judge.policies);
    for (number, direction) in NUMBERS.into_iter().zip([Direction::Ingress, Direction::Egress]) {
        let subject = Subject::of(&rules, Mode::Default, &pod, direction);
        let table = compile((&judge.peers, judge.compat), &subject, &Roster::default())
            .expect("it tells little apart");
        let entries = maps::encode(&table, number, |_| 1);
        maps.put_all::<PolicyCellTable>(&entries.cells)?;
        maps.put_all::<PolicyPortTable>(&entries.ports)?;
        maps.put_all::<PolicyAddrTable>(&entries.addresses)?;
        maps.put_all::<PolicyIdentityTable>(&entries.identities)?;
    }
    Ok(())
}
