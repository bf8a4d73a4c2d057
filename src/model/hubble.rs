//! Names by which servers and clients of the Hubble API find and know each other.

/// Secret with the authorities' keys; only the operator reads it.
pub const AUTHORITY_SECRET: &str = "skep-hubble-ca";
/// Secret with the certificate that every agent serves with.
pub const SERVER_SECRET: &str = "skep-hubble-server";
/// Secret with the certificate that a relay shows to agents.
pub const RELAY_CLIENT_SECRET: &str = "skep-hubble-relay-client";
/// Secret with the certificate that a relay serves with.
pub const RELAY_SERVER_SECRET: &str = "skep-hubble-relay-server";

/// Port of the Hubble API on a node.
pub const NODE_PORT: u16 = 4244;
/// Port of the Hubble API of a relay.
pub const RELAY_PORT: u16 = 4245;
/// Port where a relay of a cluster serves metrics.
pub const RELAY_METRICS_PORT: u16 = 9966;

/// Name of the Service before the relay: Hubble's clients look for it.
pub const RELAY_SERVICE: &str = "hubble-relay";

/// Where names of nodes end, as Hubble's relays expect it of certificates.
const DOMAIN: &str = "hubble-grpc.cilium.io";

/// Returns the name under which clients know a node: that of the default cluster is left out.
pub fn peer_name(node: &str, cluster: &str) -> String {
    if cluster == "default" { node.to_owned() } else { format!("{cluster}/{node}") }
}

/// Returns the name that a node's certificate is for.
pub fn server_name(node: &str, cluster: &str) -> String {
    format!("{}.{}.{DOMAIN}", node.replace('.', "-"), cluster.replace('.', "-"))
}

/// Returns the name that the certificate of all nodes of a cluster is for.
pub fn server_names(cluster: &str) -> String {
    format!("*.{}.{DOMAIN}", cluster.replace('.', "-"))
}

/// Returns the names that a relay's certificate is for: the last is the one that Hubble's command line asks for.
pub fn relay_names(namespace: &str) -> Vec<String> {
    vec![
        RELAY_SERVICE.to_owned(),
        format!("{RELAY_SERVICE}.{namespace}.svc"),
        format!("{RELAY_SERVICE}.{namespace}.svc.cluster.local"),
        "*.hubble-relay.cilium.io".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::server_name;

    #[test]
    fn dots_of_names_become_dashes() {
        let name = server_name("n1.example.com", "prod.eu");
        assert_eq!(name, "n1-example-com.prod-eu.hubble-grpc.cilium.io");
    }
}
