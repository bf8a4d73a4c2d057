//! Who gets an address and port that several services want.

use std::collections::HashMap;

use super::Slot;
use crate::service::{object::ObjectName, output::Vip};

/// How strong a claim is; the first is the strongest.
///
/// Cluster IPs and node ports are handed out by the API server, each once. Whoever may edit a service
/// may write any external address (CVE-2020-8554), so those never win over what was handed out. By rank
/// and age all nodes agree, whatever the order in which they hear of it. A host port is one node's, and
/// whoever may make a pod may write it.
///
/// A redirect goes before all, and claims only what the policy may have: an address that no service has,
/// or a cluster IP of a service of its own namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::service) enum Rank {
    /// A redirect that leads somewhere now.
    Redirect,
    /// The service's own address in the cluster.
    ClusterIp,
    /// A node port.
    NodePort,
    /// An external address or a load balancer's.
    External,
    /// A host port.
    HostPort,
}

/// That a service wants an address and port. The least claim wins: rank, then age, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::service) struct Claim {
    /// How strong it is.
    pub(in crate::service) rank: Rank,
    /// When the service was created.
    pub(in crate::service) created: i64,
    /// The service's name.
    pub(in crate::service) name: ObjectName,
    /// The service.
    pub(in crate::service) slot: Slot,
    /// It is a redirect that does not concern its own backends.
    pub(in crate::service) passed_by_backends: bool,
}

/// All claims.
#[derive(Debug, Default)]
pub(in crate::service) struct Claims {
    by_vip: HashMap<Vip, Vec<Claim>>,
}

impl Claims {
    /// Enters a claim.
    pub(in crate::service) fn insert(&mut self, vip: Vip, claim: Claim) {
        let claims = self.by_vip.entry(vip).or_insert_with(|| Vec::with_capacity(1));
        if let Err(place) = claims.binary_search(&claim) {
            claims.insert(place, claim);
        }
    }

    /// Takes all claims of a service to something out.
    pub(in crate::service) fn remove(&mut self, vip: &Vip, slot: Slot) {
        if let Some(claims) = self.by_vip.get_mut(vip) {
            claims.retain(|claim| claim.slot != slot);
            if claims.is_empty() {
                self.by_vip.remove(vip);
            }
        }
    }

    /// Returns the claim that wins.
    pub(in crate::service) fn winner(&self, vip: &Vip) -> Option<&Claim> {
        self.by_vip.get(vip)?.first()
    }

    /// Returns the claim that wins among those of services and pods.
    pub(in crate::service) fn owner(&self, vip: &Vip) -> Option<&Claim> {
        self.by_vip.get(vip)?.iter().find(|claim| claim.rank != Rank::Redirect)
    }

    /// Yields all who want something.
    pub(in crate::service) fn slots(&self, vip: &Vip) -> impl Iterator<Item = Slot> {
        self.by_vip.get(vip).into_iter().flatten().map(|claim| claim.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Protocol;

    #[test]
    fn rank_wins_over_age_and_age_over_name() {
        let vip = Vip {
            address: "203.0.113.1".parse().expect("an address"),
            port: 80,
            protocol: Protocol::Tcp,
        };
        let claim = |rank, created, name: &str, slot| Claim {
            rank,
            created,
            name: ObjectName::new("ns", name),
            slot,
            passed_by_backends: false,
        };
        let mut claims = Claims::default();
        claims.insert(vip, claim(Rank::Redirect, 9, "r", 6));
        assert_eq!(claims.owner(&vip), None);
        claims.insert(vip, claim(Rank::HostPort, 1, "p", 5));
        claims.insert(vip, claim(Rank::External, 5, "b", 0));
        claims.insert(vip, claim(Rank::External, 5, "a", 1));
        claims.insert(vip, claim(Rank::External, 4, "z", 2));
        claims.insert(vip, claim(Rank::NodePort, 9, "n", 3));
        claims.insert(vip, claim(Rank::ClusterIp, 9, "c", 4));
        assert_eq!(claims.owner(&vip).map(|claim| claim.slot), Some(4));
        for slot in [6, 4, 3, 2, 1, 0, 5] {
            assert_eq!(claims.winner(&vip).map(|claim| claim.slot), Some(slot));
            claims.remove(&vip, slot);
        }
        assert_eq!(claims.winner(&vip), None);
    }
}
