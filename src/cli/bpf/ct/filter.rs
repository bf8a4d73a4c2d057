//! Flags that say which connections are meant.

use std::net::IpAddr;

use crate::{
    api::{ConnectionFilter, QualifiedName},
    cli::service::Port,
};

/// Flags of commands about connections.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which connections")]
pub(crate) struct FilterArgs {
    /// Only with this service, as NAMESPACE/NAME
    #[arg(long, value_name = "SERVICE")]
    service: Option<QualifiedName>,
    /// Only those that have an end at this address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Only those that have an end at this port, such as 53/udp
    #[arg(long, value_name = "PORT")]
    port: Option<Port>,
}

impl FilterArgs {
    /// Returns what is meant.
    pub(crate) fn filter(&self) -> ConnectionFilter {
        ConnectionFilter {
            service: self.service.clone(),
            address: self.address,
            port: self.port.as_ref().map(|port| port.number),
            protocol: self.port.as_ref().and_then(|port| port.protocol.map(str::to_owned)),
            translated: false,
        }
    }

    /// Returns the flags that were given, as words.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        };
        flag("--service", self.service.as_ref().map(ToString::to_string));
        flag("--address", self.address.map(|address| address.to_string()));
        flag("--port", self.port.as_ref().map(ToString::to_string));
        words
    }
}
