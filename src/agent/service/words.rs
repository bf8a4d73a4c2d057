//! The engine's terms in those of the admin API.

use crate::{
    api::{self, Asker, ServiceQuestion},
    service::{
        FrontendKey, ObjectName, Scope,
        choose::{Fate, NoHints, Topology},
        explain::{Endpoint, Verdict},
        input::TrafficDistribution,
    },
};

pub(super) fn asker(asker: &Asker) -> String {
    match asker {
        Asker::Pod(name) => format!("pod {name}"),
        Asker::Address(address) => format!("client {address}"),
    }
}

/// Says why a service has nothing for a client. `other` is what it has for other clients.
pub(super) fn nothing(
    name: &ObjectName,
    question: &ServiceQuestion,
    other: Option<&FrontendKey>,
) -> String {
    match other {
        Some(FrontendKey { vip, scope: Scope::Internal }) => {
            format!("{vip} of service {name} is for clients in the cluster only")
        }
        Some(FrontendKey { vip, scope: Scope::External }) => {
            format!("{vip} of service {name} is for clients outside of the cluster only")
        }
        Some(FrontendKey { vip, scope: Scope::Behind }) => {
            format!("{vip} of service {name} is redirected; only backends of the redirect find it")
        }
        None => {
            let mut text = format!("service {name} has no frontend");
            if let Some(to) = question.to {
                text.push_str(&format!(" at {to}"));
            }
            match (question.port, &question.protocol) {
                (Some(port), Some(protocol)) => text.push_str(&format!(", port {port}/{protocol}")),
                (Some(port), None) => text.push_str(&format!(", port {port}")),
                (None, _) => {}
            }
            text
        }
    }
}

pub(super) fn verdict(verdict: Verdict) -> api::BalanceVerdict {
    match verdict {
        Verdict::Balanced => api::BalanceVerdict::Balanced,
        Verdict::SourceRefused => api::BalanceVerdict::SourceRefused,
        Verdict::NoBackend => api::BalanceVerdict::NoBackend,
        Verdict::NoLocalBackend => api::BalanceVerdict::NoLocalBackend,
    }
}

pub(super) fn topology(topology: Topology) -> api::Topology {
    match topology {
        Topology::SameNode => api::Topology::SameNode,
        Topology::SameZone => api::Topology::SameZone,
        Topology::Everywhere(NoHints::LocalPolicy) => api::Topology::LocalPolicy,
        Topology::Everywhere(NoHints::NobodyReady) => api::Topology::NobodyReady,
        Topology::Everywhere(NoHints::Incomplete) => api::Topology::IncompleteHints,
        Topology::Everywhere(NoHints::NoZone) => api::Topology::NoZone,
        Topology::Everywhere(NoHints::NobodyMeant) => api::Topology::NobodyMeant,
    }
}

pub(super) fn distribution(distribution: TrafficDistribution) -> String {
    match distribution {
        TrafficDistribution::PreferSameZone => "PreferSameZone".into(),
        TrafficDistribution::PreferSameNode => "PreferSameNode".into(),
    }
}

pub(super) fn endpoint(endpoint: &Endpoint, sees: api::Sees) -> api::ExplainedEndpoint {
    api::ExplainedEndpoint {
        address: endpoint.address,
        port: endpoint.port,
        node: endpoint.node.as_ref().map(ToString::to_string),
        zone: endpoint.zone.as_ref().map(ToString::to_string),
        takes_connections: endpoint.fate.is_candidate(),
        fate: match endpoint.fate {
            Fate::Chosen => api::Fate::Chosen,
            Fate::LastResort => api::Fate::LastResort,
            Fate::Draining => api::Fate::Draining,
            Fate::NotReady => api::Fate::NotReady,
            Fate::NotLocal => api::Fate::NotLocal,
            Fate::OtherNode => api::Fate::OtherNode,
            Fate::OtherZone => api::Fate::OtherZone,
        },
        network_policy: None,
        sees,
    }
}
