//! Which connections are meant.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Connection, End};
use crate::api::QualifiedName;

/// Connections that all that is given holds for; nothing given means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionFilter {
    /// The opener speaks with this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<QualifiedName>,
    /// One of the ends, as anybody sees it, has this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// One of the ends, as anybody sees it, has this port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The protocol, as lists name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Only those whose source is translated.
    #[serde(default)]
    pub translated: bool,
}

impl ConnectionFilter {
    /// Tells whether a connection is meant.
    pub fn matches(&self, connection: &Connection) -> bool {
        let ends = || ends(connection);
        let named = |name: &QualifiedName| connection.service_name == Some(name.to_string());
        let speaks = |name: &String| connection.protocol.eq_ignore_ascii_case(name);
        self.service.as_ref().is_none_or(named)
            && self.address.is_none_or(|address| ends().any(|end| end.address == address))
            && self.port.is_none_or(|port| ends().any(|end| end.port == port))
            && self.protocol.as_ref().is_none_or(speaks)
            && (!self.translated || connection.source_xlated.is_some())
    }
}

/// Yields all ends that somebody sees.
fn ends(connection: &Connection) -> impl Iterator<Item = End> {
    let others = [connection.source_xlated, connection.service, connection.backend];
    [connection.source, connection.destination].into_iter().chain(others.into_iter().flatten())
}
