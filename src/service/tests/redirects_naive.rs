//! Redirects, against what the kind's documentation says, written out once more for every address and port.

use std::{collections::BTreeSet, net::IpAddr};

use proptest::prelude::*;

use super::{
    make::*,
    properties::{Cluster, edit},
};
use crate::service::{
    Changes, FrontendKind, Services,
    input::{Redirect, RedirectFrom, RedirectRule, Service, ServiceKind},
};

/// Returns the cluster IPs, load balancers' addresses and external addresses that a service really has: no
/// service has a node's, a pod's or an unfit one, but its cluster IP may be anything that is fit.
fn addresses(service: &Service) -> BTreeSet<IpAddr> {
    let mut all: BTreeSet<IpAddr> = service.cluster_ips.iter().collect();
    if service.kind == ServiceKind::ExternalName || all.is_empty() {
        return BTreeSet::new();
    }
    let balanced = service.load_balancer_ips.iter();
    let balanced = balanced.filter(|_| service.kind == ServiceKind::LoadBalancer);
    let given = balanced.chain(&service.external_ips).copied();
    all.extend(given.filter(|address| is_free(*address)));
    all
}

fn is_free(address: IpAddr) -> bool {
    let site = site();
    !site.is_node(address) && !site.is_pod(address) && !address.is_loopback()
}

/// Tells whether a policy is about an address and a port of TCP.
fn is_about(cluster: &Cluster, rule: &RedirectRule, (address, number): (IpAddr, u16)) -> bool {
    match &rule.from {
        RedirectFrom::Address { address: own, ports } => {
            *own == address
                && is_free(address)
                && cluster.services.values().all(|one| !addresses(one).contains(&address))
                && ports.contains(&redirect_port("http", number))
        }
        RedirectFrom::Service { name, ports } => {
            let Some(service) = cluster.services.get(name) else { return false };
            let elder = cluster.services.values().filter(|one| {
                one.kind != ServiceKind::ExternalName
                    && one.cluster_ips.iter().any(|own| own == address)
            });
            let elder = elder.min_by_key(|one| (one.created, one.name.clone()));
            service.kind == ServiceKind::ClusterIp
                && elder.is_some_and(|elder| elder.name == *name)
                && number == 80
                && (ports.is_empty() || ports.contains(&redirect_port("http", number)))
        }
    }
}

/// Returns who takes what is sent to an address and a port; `None` if no policy is about it or nobody is
/// ready.
fn naive(cluster: &Cluster, vip: (IpAddr, u16)) -> Option<BTreeSet<IpAddr>> {
    let about = cluster
        .redirects
        .values()
        .filter(|policy| policy.rule.as_ref().is_ok_and(|rule| is_about(cluster, rule, vip)));
    about.min_by_key(|policy: &&Redirect| (policy.created, policy.name.clone()))?;
    let is_service_address = |address: &IpAddr| {
        cluster.services.values().any(|one| {
            let external = one.external_ips.contains(address)
                && !(one.kind == ServiceKind::LoadBalancer
                    && one.load_balancer_ips.contains(address));
            let cluster_ip = one.cluster_ips.iter().any(|own| own == *address);
            addresses(one).contains(address) && (cluster_ip || !external)
        })
    };
    let ready: BTreeSet<IpAddr> = cluster
        .local
        .values()
        .filter(|pod| pod.labels["app"] == "near" && pod.ready && !pod.terminating)
        .flat_map(|pod| pod.addresses.iter())
        .filter(|address| !address.is_loopback() && !is_service_address(address))
        .collect();
    (!ready.is_empty()).then_some(ready)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_redirected_is_what_policies_say(
        edits in prop::collection::vec(edit(), 1..24),
    ) {
        let (mut services, mut cluster) = (Services::new(site()), Cluster::default());
        edits.iter().for_each(|edit| cluster.take(edit));
        let _: Changes = services.apply(edits);
        for address in super::properties::ADDRESSES {
            for number in 80..82 {
                let frontend = services.frontend(&inside(address, number));
                let found = frontend.filter(|one| one.kind == FrontendKind::LocalRedirect);
                let found = found.map(|frontend| {
                    let takers = frontend.backends.candidates();
                    takers.iter().map(|backend| backend.address).collect::<BTreeSet<_>>()
                });
                prop_assert_eq!(found, naive(&cluster, (ip(address), number)), "{}", address);
            }
        }
    }
}
