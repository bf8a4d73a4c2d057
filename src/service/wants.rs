//! Which addresses and ports a service asks for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    address::{Unfit, family},
    finding::{Field, Finding, Reason},
    index::{Claim, Rank},
    input::{Service, ServicePort, Site, TrafficPolicy},
    output::{FrontendKind, Scope, Vip},
};

/// An address and port that a service asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Want {
    /// What it asks for.
    pub(super) vip: Vip,
    /// As what.
    pub(super) kind: FrontendKind,
    /// Which of its ports it is for.
    pub(super) port: usize,
    /// It is a redirect that does not concern its own backends.
    pub(super) passed_by_backends: bool,
}

impl Want {
    /// Asks for something that everybody may use.
    pub(super) fn new(vip: Vip, kind: FrontendKind, port: usize) -> Self {
        Self { vip, kind, port, passed_by_backends: false }
    }

    /// Returns how strong the claim is.
    pub(super) fn rank(&self) -> Rank {
        match self.kind {
            FrontendKind::ClusterIp => Rank::ClusterIp,
            FrontendKind::NodePort => Rank::NodePort,
            FrontendKind::LoadBalancer | FrontendKind::ExternalIp => Rank::External,
            FrontendKind::HostPort => Rank::HostPort,
            FrontendKind::LocalRedirect => Rank::Redirect,
        }
    }

    /// Returns where it is written.
    pub(super) fn field(&self) -> Field {
        field(self.kind, self.vip)
    }

    /// Returns whom the frontend is for, and which policy chooses for them.
    ///
    /// Cluster IPs are not reachable from outside. At all other addresses, clients in the cluster use
    /// the policy `Cluster`: kube-proxy takes this short cut too, since there is no hop whose source
    /// address `externalTrafficPolicy: Local` would keep. A node port is the same at all nodes for them,
    /// so that they have it once, under the unspecified address. A host port is this node's only. What
    /// comes from outside is never redirected.
    pub(super) fn scopes(
        &self,
        service: &Service,
    ) -> impl Iterator<Item = (Scope, TrafficPolicy)> + use<> {
        let (cluster, external) = (TrafficPolicy::Cluster, service.external);
        let (inside, outside) = match self.kind {
            FrontendKind::ClusterIp => (Some(service.internal), None),
            FrontendKind::NodePort if self.vip.address.is_unspecified() => (Some(cluster), None),
            FrontendKind::NodePort => (None, Some(external)),
            FrontendKind::LoadBalancer | FrontendKind::ExternalIp => {
                (Some(cluster), Some(external))
            }
            FrontendKind::HostPort => (Some(service.internal), Some(external)),
            FrontendKind::LocalRedirect => (Some(service.internal), None),
        };
        let inside = inside.map(|policy| (Scope::Internal, policy));
        let outside = outside.map(|policy| (Scope::External, policy));
        inside.into_iter().chain(outside)
    }

    /// Returns what of [`Self::scopes`] is left of what a redirect has taken over: if the redirect's own
    /// backends pass it by, they find the service behind it.
    pub(super) fn left_by(
        &self,
        redirect: &Claim,
        service: &Service,
    ) -> impl Iterator<Item = (Scope, TrafficPolicy)> + use<> {
        let behind = redirect.passed_by_backends.then_some((Scope::Behind, service.internal));
        behind.into_iter()
    }
}

fn field(kind: FrontendKind, vip: Vip) -> Field {
    let address = vip.address;
    match kind {
        FrontendKind::ClusterIp => Field::ClusterIp(address),
        FrontendKind::NodePort => Field::NodePort(address),
        FrontendKind::LoadBalancer => Field::LoadBalancerIp(address),
        FrontendKind::ExternalIp => Field::ExternalIp(address),
        FrontendKind::HostPort => Field::HostPort(vip),
        FrontendKind::LocalRedirect => Field::Redirected(vip),
    }
}

/// Returns what a service asks for, each once, and what it must not ask for.
///
/// An address of one's own that is both a load balancer's and external counts as the load balancer's,
/// which carries source ranges.
pub(super) fn wants(service: &Service, site: &Site, findings: &mut Vec<Finding>) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    if service.is_dns_only() {
        return wants;
    }
    for (kind, address) in addresses(service, site) {
        let reason = refusal(service, site, kind, address);
        for (port, spec) in service.ports.iter().enumerate() {
            let number = match kind {
                FrontendKind::NodePort => spec.node_port,
                _ => Some(spec.port),
            };
            let Some(number) = number.map(u16::from) else { continue };
            let vip = Vip { address, port: number, protocol: spec.protocol };
            match &reason {
                // The node port is the frontend then.
                Some(Reason::NodeAddress) if is_node_port(service, spec) => {}
                Some(reason) => {
                    findings.push(Finding { place: field(kind, vip), reason: reason.clone() });
                }
                None if wants.iter().any(|other| other.vip == vip) => {}
                None => wants.push(Want::new(vip, kind, port)),
            }
        }
    }
    wants
}

/// Yields all addresses of a service, the strongest first.
fn addresses<'a>(
    service: &'a Service,
    site: &'a Site,
) -> impl Iterator<Item = (FrontendKind, IpAddr)> {
    let has_family = |address: &IpAddr| has_family(service, *address);
    let is_fit = |address: &IpAddr| Unfit::of(*address).is_none();
    let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let own = site.node_ports.iter().copied().filter(is_fit).chain(everywhere).filter(has_family);
    let balanced = service.load_balancer_ips.iter().copied();
    let load_balancer = service.kind == super::input::ServiceKind::LoadBalancer;
    let with = |kind| move |address| (kind, address);
    (service.cluster_ips.iter().map(with(FrontendKind::ClusterIp)))
        .chain(own.filter(|_| service.has_node_ports()).map(with(FrontendKind::NodePort)))
        .chain(balanced.filter(move |_| load_balancer).map(with(FrontendKind::LoadBalancer)))
        .chain(service.external_ips.iter().copied().map(with(FrontendKind::ExternalIp)))
}

/// Says why a service must not have an address, as far as this depends on no other service.
///
/// Addresses of nodes and pods are refused, although kube-proxy takes them: whoever may edit a service
/// would get the kubelet's port or another tenant's pod (CVE-2026-32254 in kube-router). A port of a node
/// is a service's only as its node port.
fn refusal(service: &Service, site: &Site, kind: FrontendKind, address: IpAddr) -> Option<Reason> {
    let unfit = Unfit::of(address).map(Reason::Unfit);
    match kind {
        FrontendKind::ClusterIp => unfit,
        FrontendKind::NodePort => None,
        _ if unfit.is_some() => unfit,
        _ if !has_family(service, address) => Some(Reason::OtherFamily),
        _ if site.is_node(address) => Some(Reason::NodeAddress),
        _ if site.is_pod(address) => Some(Reason::PodAddress),
        _ => None,
    }
}

/// Tells whether a service has a family: that of a cluster IP of its (kube-proxy has one proxy for each
/// family, and it passes over services without a cluster IP of it).
fn has_family(service: &Service, address: IpAddr) -> bool {
    service.cluster_ips.iter().any(|own| family(own) == family(address))
}

fn is_node_port(service: &Service, wanted: &ServicePort) -> bool {
    let is_it = |port: &ServicePort| {
        port.node_port == Some(wanted.port) && port.protocol == wanted.protocol
    };
    service.has_node_ports() && service.ports.iter().any(is_it)
}
