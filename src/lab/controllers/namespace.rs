//! What every namespace has: the default service account and the authority's certificate.

use k8s_openapi::{
    api::core::v1::{ConfigMap, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt;

use super::snapshot::{Snapshot, is_ending};
use crate::lab::cluster::Action;

/// Name of the service account of pods that name none.
const DEFAULT: &str = "default";
/// Name of the config map with the authority's certificate.
const ROOT_CA: &str = "kube-root-ca.crt";

pub(super) fn plan(snapshot: &Snapshot, authority: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    for namespace in snapshot.namespaces.iter().filter(|namespace| !is_ending(namespace.as_ref())) {
        let namespace = namespace.name_any();
        let here = |object: Option<String>| object.as_deref() == Some(namespace.as_str());
        let meta = |name: &str| ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        };
        let mut accounts = snapshot.service_accounts.iter();
        if !accounts.any(|one| here(one.namespace()) && one.name_any() == DEFAULT) {
            let account = ServiceAccount { metadata: meta(DEFAULT), ..ServiceAccount::default() };
            actions.push(Action::create(&account));
        }
        let mut maps = snapshot.config_maps.iter();
        if !maps.any(|one| here(one.namespace()) && one.name_any() == ROOT_CA) {
            let data = [("ca.crt".to_owned(), authority.to_owned())].into();
            let map =
                ConfigMap { metadata: meta(ROOT_CA), data: Some(data), ..ConfigMap::default() };
            actions.push(Action::create(&map));
        }
    }
    actions
}
