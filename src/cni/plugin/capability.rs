//! `runtimeConfig`: what the runtime passes because the configuration's `capabilities` asked.
//!
//! Runtimes written in Go print some of it with the names of their fields, so both spellings count.

use std::{fmt, net::IpAddr};

use serde::Deserialize;

use crate::model::MacAddr;

/// The capabilities that would change what a pod's interface does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RuntimeConfig {
    #[serde(alias = "PortMappings", deserialize_with = "or_default")]
    port_mappings: Vec<PortMapping>,
    #[serde(alias = "Bandwidth", deserialize_with = "or_default")]
    bandwidth: Bandwidth,
    #[serde(alias = "IPs", alias = "Ips", deserialize_with = "or_default")]
    ips: Vec<String>,
    #[serde(alias = "Mac", alias = "MAC")]
    mac: Option<MacAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortMapping {
    #[serde(alias = "HostPort")]
    host_port: u16,
    #[serde(alias = "ContainerPort")]
    container_port: u16,
    #[serde(default, alias = "Protocol")]
    protocol: Protocol,
    #[serde(default, alias = "HostIP", alias = "hostIP", deserialize_with = "address")]
    host_ip: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    #[serde(alias = "TCP", alias = "")]
    Tcp,
    #[serde(alias = "UDP")]
    Udp,
    #[serde(alias = "SCTP")]
    Sctp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Bandwidth {
    #[serde(alias = "IngressRate")]
    ingress_rate: u64,
    #[serde(alias = "EgressRate")]
    egress_rate: u64,
}

/// A wish that skep does not fulfil. Ignoring it would give the pod less than it was promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfulfilled {
    #[error(
        "runtimeConfig.portMappings is not supported by skep-cni ({0}); remove it from \
         `capabilities`: agents serve the host ports of pods themselves"
    )]
    Ports(String),
    #[error(
        "runtimeConfig.bandwidth is not supported by skep-cni (ingress {ingress} bit/s, egress \
         {egress} bit/s); remove it from `capabilities` and chain the bandwidth plugin"
    )]
    Bandwidth { ingress: u64, egress: u64 },
    #[error(
        "runtimeConfig.ips is not supported by skep-cni: it takes addresses from the node's pod CIDRs"
    )]
    Addresses,
    #[error("runtimeConfig.mac is not supported by skep-cni ({0})")]
    Mac(MacAddr),
}

impl RuntimeConfig {
    /// Returns the first wish that cannot be fulfilled.
    pub(super) fn unfulfilled(&self) -> Option<Unfulfilled> {
        if !self.port_mappings.is_empty() {
            let ports: Vec<_> = self.port_mappings.iter().map(ToString::to_string).collect();
            return Some(Unfulfilled::Ports(ports.join(", ")));
        }
        let Bandwidth { ingress_rate: ingress, egress_rate: egress } = self.bandwidth;
        if ingress > 0 || egress > 0 {
            return Some(Unfulfilled::Bandwidth { ingress, egress });
        }
        if !self.ips.is_empty() {
            return Some(Unfulfilled::Addresses);
        }
        self.mac.map(Unfulfilled::Mac)
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.host_ip {
            write!(f, "{address} ")?;
        }
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}->{}/{protocol}", self.host_port, self.container_port)
    }
}

/// Go prints an empty list or struct as null.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Go prints no address as an empty text.
fn address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wish(value: Value) -> String {
        let parsed: RuntimeConfig = serde_json::from_value(value).unwrap();
        parsed.unfulfilled().map(|wish| wish.to_string()).unwrap_or_default()
    }

    #[test]
    fn both_spellings_of_port_mappings_are_read_and_refused_by_name() {
        for ports in [
            json!([{"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]),
            json!([{"hostPort": 8080, "containerPort": 80}]),
            json!([{"hostPort": 8080, "containerPort": 80, "protocol": "TCP", "hostIP": null}]),
        ] {
            let wish = wish(json!({"portMappings": ports}));
            assert!(wish.contains("runtimeConfig.portMappings"), "{wish}");
            assert!(wish.contains("(8080->80/tcp)"), "{wish}");
        }
        let v6 =
            json!([{"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "fd00::1"}]);
        assert!(wish(json!({"portMappings": v6})).contains("(fd00::1 53->53/udp)"));
    }

    #[test]
    fn empty_wishes_and_those_of_others_change_nothing() {
        for value in [
            json!({}),
            json!({"portMappings": null, "bandwidth": null, "ips": []}),
            json!({"dns": {"Servers": ["10.96.0.10"]}, "cgroupPath": "/kubepods/x"}),
            json!({"io.kubernetes.cri.pod-annotations": {"a": "b"}}),
            json!({"bandwidth": {"IngressBurst": 4_294_967_295u64}}),
        ] {
            assert_eq!(wish(value.clone()), "", "{value}");
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        for value in [
            json!({"portMappings": {}}),
            json!({"portMappings": [{"hostPort": 70_000, "containerPort": 80}]}),
            json!({"portMappings": [{"hostPort": 1, "containerPort": 80, "protocol": "icmp"}]}),
            json!({"portMappings": [{"hostPort": 1, "containerPort": 80, "hostIP": "here"}]}),
            json!({"mac": "00:00"}),
            json!({"bandwidth": {"ingressRate": -1}}),
        ] {
            assert!(serde_json::from_value::<RuntimeConfig>(value.clone()).is_err(), "{value}");
        }
    }
}
