//! Why a connection to a service goes where it goes.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Explained, InvalidName, QualifiedName, Scope};
use crate::api::Listed;

/// What is asked: what becomes of a client's new connections to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceQuestion {
    /// The service.
    pub service: QualifiedName,
    /// Who connects.
    pub from: Asker,
    /// To which port; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// By which protocol, as in Kubernetes objects; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// To which address; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<IpAddr>,
}

/// Who connects: `NAMESPACE/POD` or `ip:ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Asker {
    /// A pod.
    Pod(QualifiedName),
    /// Whoever has an address.
    Address(IpAddr),
}

/// A text names nobody who could connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither NAMESPACE/POD nor ip:ADDRESS, such as shop/web-0 or ip:203.0.113.9")]
pub struct InvalidAsker;

impl FromStr for Asker {
    type Err = InvalidAsker;

    fn from_str(text: &str) -> Result<Self, InvalidAsker> {
        match text.strip_prefix("ip:") {
            Some(address) => address.parse().map(Self::Address).map_err(|_| InvalidAsker),
            None => text.parse().map(Self::Pod).map_err(|InvalidName| InvalidAsker),
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(name) => name.fmt(f),
            Self::Address(address) => write!(f, "ip:{address}"),
        }
    }
}

impl TryFrom<String> for Asker {
    type Error = InvalidAsker;

    fn try_from(text: String) -> Result<Self, InvalidAsker> {
        text.parse()
    }
}

impl From<Asker> for String {
    fn from(asker: Asker) -> Self {
        asker.to_string()
    }
}

/// What one node says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceExplanation {
    /// The service.
    pub service: QualifiedName,
    /// Who connects, as it was asked.
    pub from: Asker,
    /// What is known of who connects; absent if it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ServiceClient>,
    /// Why nothing answers the client, if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What becomes of a new connection, for each frontend that is meant.
    pub connections: Vec<Explained>,
    /// What of the service has no effect, and why. Addresses named here are no endpoints.
    pub findings: Vec<String>,
}

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceClient {
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// Which frontends the client finds.
    pub scope: Scope,
    /// The client's node; absent outside of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The client's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Listed for ServiceExplanation {
    const KIND: &'static str = "ServiceExplanationList";
    const PATH: &'static str = "/v1/services/explain";
}

#[cfg(test)]
mod tests {
    use super::{Asker, InvalidAsker};

    #[test]
    fn who_asks_is_a_pod_or_an_address() {
        for text in ["shop/web-0", "ip:203.0.113.9", "ip:2001:db8::1"] {
            assert_eq!(text.parse::<Asker>().unwrap().to_string(), text);
        }
        for text in ["web-0", "ip:", "ip:shop/web-0", "203.0.113.9"] {
            assert_eq!(text.parse::<Asker>(), Err(InvalidAsker), "{text}");
        }
    }
}
