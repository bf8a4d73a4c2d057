//! Cluster addresses and node ports of services.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use kube::ResourceExt;
use serde_json::json;

use super::snapshot::{Snapshot, is_ending};
use crate::{
    config::IpFamilies,
    lab::{cluster::Action, plan as addresses},
    model::Family,
};

/// First address given out: lower ones are kept for services that ask for theirs.
const FIRST: u32 = 16;
/// Last address given out.
const LAST: u32 = 0xfffe;

/// First node port.
const FIRST_NODE_PORT: i32 = 30_000;
/// Last node port.
const LAST_NODE_PORT: i32 = 32_767;

/// Gives each service without addresses or node ports the lowest free ones.
pub(super) fn plan(snapshot: &Snapshot, families: IpFamilies) -> Vec<Action> {
    let mut taken: HashSet<IpAddr> =
        snapshot.services.iter().flat_map(|service| addresses_of(service)).collect();
    let mut ports: HashSet<(i32, String)> =
        snapshot.services.iter().flat_map(|service| node_ports(service)).collect();
    let mut actions = Vec::new();
    for service in snapshot.services.iter().filter(|service| !is_ending(service.as_ref())) {
        let Some(spec) = &service.spec else { continue };
        if spec.type_.as_deref() == Some("ExternalName") {
            continue;
        }
        let named = spec.cluster_ip.as_deref().is_some_and(|ip| !ip.is_empty());
        let own = families_of(spec, families).len();
        let held = spec.ip_families.as_ref().map_or(0, Vec::len);
        if !named || held < own {
            actions.push(fill(service, spec, families, &mut taken));
        }
        actions.extend(expose(service, spec, &mut ports));
    }
    actions
}

fn node_ports(service: &Service) -> Vec<(i32, String)> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let of = |port: &ServicePort| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
        Some((port.node_port.filter(|port| *port > 0)?, protocol))
    };
    ports.iter().filter_map(of).collect()
}

/// Gives the ports of a service that is open on nodes their numbers there.
fn expose(
    service: &Service,
    spec: &ServiceSpec,
    taken: &mut HashSet<(i32, String)>,
) -> Option<Action> {
    let open = match spec.type_.as_deref() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    };
    let ports = spec.ports.as_ref().filter(|_| open)?;
    if ports.iter().all(|port| port.node_port.is_some_and(|port| port > 0)) {
        return None;
    }
    let mut given: HashMap<i32, i32> = HashMap::new();
    let mut filled = ports.clone();
    for port in filled.iter_mut().filter(|port| port.node_port.is_none_or(|port| port == 0)) {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
        // Two protocols of one port share a number.
        let shared = given.get(&port.port).copied();
        let shared = shared.filter(|number| !taken.contains(&(*number, protocol.clone())));
        let mut free = FIRST_NODE_PORT..=LAST_NODE_PORT;
        let number =
            shared.or_else(|| free.find(|number| !taken.contains(&(*number, protocol.clone()))))?;
        taken.insert((number, protocol));
        given.insert(port.port, number);
        port.node_port = Some(number);
    }
    // With the version: the list replaces what somebody else may have changed meanwhile.
    let patch = json!({
        "metadata": { "uid": service.uid(), "resourceVersion": service.resource_version() },
        "spec": { "ports": filled },
    });
    Some(Action::merge(service, patch))
}

fn fill(
    service: &Service,
    spec: &ServiceSpec,
    families: IpFamilies,
    taken: &mut HashSet<IpAddr>,
) -> Action {
    let own = families_of(spec, families);
    let names: Vec<_> = own.iter().map(|family| name(*family)).collect();
    let policy = spec.ip_family_policy.clone().unwrap_or_else(|| "SingleStack".into());
    let mut patch = json!({ "ipFamilies": names, "ipFamilyPolicy": policy });
    let mut given: Vec<String> = addresses_of(service).map(|ip| ip.to_string()).collect();
    if spec.cluster_ip.as_deref() == Some("None") {
        patch["clusterIPs"] = json!(["None"]);
    } else {
        for family in own.iter().skip(given.len()) {
            let network = addresses::SERVICES.iter().find(|net| addresses::family(net) == *family);
            let network = network.expect("there is a network for each family");
            let mut candidates = (FIRST..=LAST).map(|offset| addresses::nth(*network, offset));
            if let Some(free) = candidates.find(|ip| !taken.contains(ip)) {
                taken.insert(free);
                given.push(free.to_string());
            }
        }
        patch["clusterIP"] = json!(given.first());
        patch["clusterIPs"] = json!(given);
    }
    Action::merge(service, json!({ "metadata": { "uid": service.uid() }, "spec": patch }))
}

fn addresses_of(service: &Service) -> impl Iterator<Item = IpAddr> {
    let spec = service.spec.clone().unwrap_or_default();
    let all = spec.cluster_ips.filter(|ips| !ips.is_empty());
    let all = all.unwrap_or_else(|| spec.cluster_ip.into_iter().collect());
    all.into_iter().filter_map(|text| text.parse().ok())
}

/// What the service asks for, else one family, or both when its policy says so.
fn families_of(spec: &ServiceSpec, families: IpFamilies) -> Vec<Family> {
    let asked = spec.ip_families.iter().flatten();
    let mut own: Vec<Family> =
        asked.map(|text| if text == "IPv6" { Family::V6 } else { Family::V4 }).collect();
    let dual =
        matches!(spec.ip_family_policy.as_deref(), Some("PreferDualStack" | "RequireDualStack"));
    let limit = if dual { 2 } else { own.len().max(1) };
    for family in [Family::V4, Family::V6] {
        if families.has(family) && !own.contains(&family) && own.len() < limit {
            own.push(family);
        }
    }
    own
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, from_value};

    use super::*;
    use crate::lab::cluster::Write;

    fn service(name: &str, spec: Value) -> Arc<Service> {
        let value = json!({ "metadata": { "name": name, "namespace": "x", "resourceVersion": "1" }, "spec": spec });
        Arc::new(from_value(value).unwrap())
    }

    fn patches(services: Vec<Arc<Service>>, families: IpFamilies) -> Vec<Value> {
        let snapshot = Snapshot { services, ..Snapshot::default() };
        let spec = |action: Action| match action.write {
            Write::Merge(patch) => patch["spec"].clone(),
            other => panic!("{other:?}"),
        };
        plan(&snapshot, families).into_iter().map(spec).collect()
    }

    #[test]
    fn services_get_free_addresses_of_their_families() {
        let taken = json!({ "clusterIP": "10.96.0.16", "clusterIPs": ["10.96.0.16"], "ipFamilies": ["IPv4"] });
        let dual = json!({ "ipFamilyPolicy": "PreferDualStack" });
        let found = patches(vec![service("a", taken), service("b", dual)], IpFamilies::Dual);
        assert_eq!(found[0]["clusterIPs"], json!(["10.96.0.17", "fd00:10:96::10"]));
        let headless = json!({ "clusterIP": "None" });
        let found = patches(vec![service("h", headless)], IpFamilies::V6);
        assert_eq!(found[0]["clusterIPs"], json!(["None"]));
        assert_eq!(found[0]["ipFamilies"], json!(["IPv6"]));
    }

    #[test]
    fn node_ports_are_given_once_per_protocol() {
        let addressed = |ports: Value| {
            json!({ "type": "NodePort", "clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20"],
                "ipFamilies": ["IPv4"], "ports": ports })
        };
        let taken = json!([{ "port": 1, "nodePort": 30000, "protocol": "TCP" }]);
        let dns = json!([{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }, { "port": 80, "protocol": "TCP" }]);
        let found = patches(
            vec![service("a", addressed(taken)), service("b", addressed(dns))],
            IpFamilies::V4,
        );
        let numbers: Vec<_> = found[0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| port["nodePort"].clone())
            .collect();
        assert_eq!(numbers, [json!(30000), json!(30001), json!(30002)]);
        assert_eq!(found.len(), 1);
    }
}
