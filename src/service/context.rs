//! What a service's frontends depend on besides the service.

use std::net::IpAddr;

use super::{
    finding::Reason,
    index::{Claim, Claims, Holders, Rank, Slot},
    input::{Service, Site},
    object::ObjectName,
    output::FrontendKind,
    wants::Want,
};

/// All that the services of a node share.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// This node.
    pub(super) site: Site,
    /// Who wants which address and port.
    pub(super) claims: Claims,
    /// Whose cluster IP an address is.
    pub(super) cluster_ips: Holders,
    /// Whose load balancer has an address.
    pub(super) balanced: Holders,
    /// Who wants an address that a cluster IP rules out: from outside, or for host ports.
    pub(super) external: Holders,
    /// Who has an endpoint, but no backend, at an address.
    pub(super) absent: Holders,
    /// The names of services.
    pub(super) names: Vec<Option<ObjectName>>,
}

impl Context {
    /// Tells whether an address is a cluster IP or a load balancer's: it is nobody's backend then.
    pub(super) fn is_given_out(&self, address: IpAddr) -> bool {
        self.owner(&self.cluster_ips, address).is_some()
            || self.owner(&self.balanced, address).is_some()
    }

    /// Says whose frontend an address is, at whatever port; ports of nodes are not asked about.
    pub(super) fn service_at(&self, address: IpAddr) -> Option<Reason> {
        let cluster_ip = self.owner(&self.cluster_ips, address).map(Reason::ClusterIpOf);
        cluster_ip.or_else(|| self.owner(&self.external, address).map(Reason::FrontendOf))
    }

    /// Returns the redirect that has taken over what a service would have, for now.
    pub(super) fn redirect_of(&self, slot: Slot, want: &Want) -> Option<&Claim> {
        let owner = self.claims.owner(&want.vip)?;
        let is_own = want.kind == FrontendKind::ClusterIp && owner.slot == slot;
        self.claims.winner(&want.vip).filter(|winner| is_own && winner.rank == Rank::Redirect)
    }

    /// Says why an address is no backend of a service.
    ///
    /// Traffic to a backend is not looked up again, so a backend that is a frontend would be reached on
    /// the wire at best and in circles at worst. Cluster IPs and load balancers' addresses are given
    /// by controllers; an external IP may be written by whoever may edit a service, so it only rules
    /// itself out: otherwise it would take another tenant's backends away.
    pub(super) fn refuse(
        &self,
        service: &Service,
        wants: &[Want],
        address: IpAddr,
    ) -> Option<Reason> {
        if let Some(owner) = self.owner(&self.cluster_ips, address) {
            return Some(Reason::ClusterIpOf(owner));
        }
        if let Some(owner) = self.owner(&self.balanced, address) {
            return Some(Reason::FrontendOf(owner));
        }
        let is_own =
            |want: &Want| want.kind == FrontendKind::ExternalIp && want.vip.address == address;
        wants.iter().any(is_own).then(|| Reason::FrontendOf(service.name.clone()))
    }

    /// Says why a service does not get what it wants.
    ///
    /// A cluster IP is its service's at all ports, not only at those that it has: whatever else answered
    /// there would pass for the service.
    pub(super) fn loss(&self, slot: Slot, want: &Want) -> Option<Reason> {
        // These are what people and controllers write; the others are handed out.
        let written = matches!(
            want.kind,
            FrontendKind::LoadBalancer | FrontendKind::ExternalIp | FrontendKind::HostPort
        );
        if written && let Some(owner) = self.owner(&self.cluster_ips, want.vip.address) {
            return Some(Reason::ClusterIpOf(owner));
        }
        // A redirect asks only for what it gets, and takes nothing from others for good.
        if want.kind == FrontendKind::LocalRedirect {
            return None;
        }
        let winner = self.claims.owner(&want.vip).filter(|winner| winner.slot != slot)?;
        Some(Reason::TakenBy {
            service: winner.name.clone(),
            port: want.vip.port,
            protocol: want.vip.protocol,
        })
    }

    /// Returns who has an address; of several, who by mistake have the same, the first by name.
    fn owner(&self, holders: &Holders, address: IpAddr) -> Option<ObjectName> {
        holders.of(address).filter_map(|slot| self.names.get(slot as usize)?.clone()).min()
    }
}
