//! Security identities.

use std::fmt;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::identity;

/// The number of a set of identity-relevant labels, or a reserved number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub u32);

impl Identity {
    /// An address of the cluster whose owner is not known yet.
    pub const UNKNOWN: Self = Self(identity::UNKNOWN);
    /// This node.
    pub const HOST: Self = Self(identity::HOST);
    /// A pod whose labels are not known yet.
    pub const INIT: Self = Self(5);
    /// Another node.
    pub const REMOTE_NODE: Self = Self(identity::REMOTE_NODE);
    /// The Kubernetes API server.
    pub const KUBE_APISERVER: Self = Self(identity::KUBE_APISERVER);
    /// The outside, IPv4.
    pub const WORLD_V4: Self = Self(identity::WORLD_V4);
    /// The outside, IPv6.
    pub const WORLD_V6: Self = Self(identity::WORLD_V6);

    /// Tells whether the number stands for a label set of this cluster.
    pub const fn is_cluster(self) -> bool {
        self.0 >= identity::FIRST_CLUSTER && self.0 <= identity::LAST_CLUSTER
    }

    /// Returns the name of a reserved number, as in the label `reserved:NAME`.
    pub const fn reserved_name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "unknown",
            1 => "host",
            2 => "world",
            3 => "unmanaged",
            4 => "health",
            5 => "init",
            6 => "remote-node",
            7 => "kube-apiserver",
            8 => "ingress",
            9 => "world-ipv4",
            10 => "world-ipv6",
            11 => "encrypted-overlay",
            _ => return None,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reserved_name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}
