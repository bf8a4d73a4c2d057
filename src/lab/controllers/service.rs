//! Cluster addresses of services.

use std::{collections::HashSet, net::IpAddr};

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
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

/// Gives each service without addresses the lowest free ones.
pub(super) fn plan(snapshot: &Snapshot, families: IpFamilies) -> Vec<Action> {
    let mut taken: HashSet<IpAddr> =
        snapshot.services.iter().flat_map(|service| addresses_of(service)).collect();
    let mut actions = Vec::new();
    for service in snapshot.services.iter().filter(|service| !is_ending(service.as_ref())) {
        let Some(spec) = &service.spec else { continue };
        let external = spec.type_.as_deref() == Some("ExternalName");
        let named = spec.cluster_ip.as_deref().is_some_and(|ip| !ip.is_empty());
        if external || (named && spec.ip_families.is_some()) {
            continue;
        }
        actions.push(fill(service, spec, families, &mut taken));
    }
    actions
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
