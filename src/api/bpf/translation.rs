//! Connections whose source is translated.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Connection, End, Zone};
use crate::api::Listed;

/// A connection of which the other end sees another source than the opener has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Translation {
    /// Which table the connection belongs to.
    pub zone: Zone,
    /// TCP, UDP, ICMPv4 ...
    pub protocol: String,
    /// Who opened it. For ICMP echo the ports hold the identifier.
    pub source: End,
    /// What the other end sees as source.
    pub translated: End,
    /// Whom the opener speaks with: a frontend of a service, or the other end itself.
    pub destination: End,
    /// The service, as NAMESPACE/NAME, if the opener speaks with one that still is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The other end, if the opener speaks with a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<End>,
    /// When it was opened.
    pub created: Timestamp,
    /// When its last packet was seen.
    pub last_seen: Timestamp,
}

impl Translation {
    /// Keeps the connections that are translated.
    pub fn list(connections: Vec<Connection>) -> Vec<Self> {
        connections.into_iter().filter_map(Self::of).collect()
    }

    fn of(connection: Connection) -> Option<Self> {
        Some(Self {
            zone: connection.zone,
            protocol: connection.protocol,
            source: connection.source,
            translated: connection.source_xlated?,
            destination: connection.service.unwrap_or(connection.destination),
            service_name: connection.service_name,
            backend: connection.backend,
            created: connection.created,
            last_seen: connection.last_seen,
        })
    }
}

impl Listed for Translation {
    const KIND: &'static str = "TranslationList";
    const PATH: &'static str = "/v1/bpf/nat";
}
