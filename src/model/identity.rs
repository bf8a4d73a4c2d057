//! Security identities.

use std::fmt;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::identity;

use super::Labels;

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
    /// The Kubernetes API server outside of the cluster, IPv4: the first number of the scope that
    /// Cilium gives to addresses outside.
    pub const OUTSIDE_APISERVER_V4: Self = Self(FIRST_OUTSIDE | 1);
    /// The Kubernetes API server outside of the cluster, IPv6.
    pub const OUTSIDE_APISERVER_V6: Self = Self(FIRST_OUTSIDE | 2);
    /// First number of other nodes that policies tell apart by their labels. What such a number
    /// stands for is known to one agent only.
    pub const FIRST_NODE: Self = Self(1 << 25);

    /// All numbers that always mean the same.
    const FIXED: [Self; 14] = [
        Self(0),
        Self(1),
        Self(2),
        Self(3),
        Self(4),
        Self(5),
        Self(6),
        Self(7),
        Self(8),
        Self(9),
        Self(10),
        Self(11),
        Self::OUTSIDE_APISERVER_V4,
        Self::OUTSIDE_APISERVER_V6,
    ];

    /// Tells whether the number stands for labels of other nodes.
    pub const fn is_node(self) -> bool {
        self.0 >= Self::FIRST_NODE.0 && self.0 < Self::FIRST_NODE.0 + NODES
    }

    /// Returns the number of other nodes that an offset means; offsets repeat after 2^24.
    pub const fn node(offset: u32) -> Self {
        Self(Self::FIRST_NODE.0 + offset % NODES)
    }

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

    /// Returns how people call a number that always means the same.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::OUTSIDE_APISERVER_V4 => Some("kube-apiserver-ipv4"),
            Self::OUTSIDE_APISERVER_V6 => Some("kube-apiserver-ipv6"),
            reserved => reserved.reserved_name(),
        }
    }

    /// Finds a number that always means the same by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::FIXED.into_iter().find(|fixed| fixed.name() == Some(name))
    }

    /// Returns the labels of a number that always means the same; none of others.
    pub fn fixed_labels(self) -> Labels {
        let names = match self {
            Self::KUBE_APISERVER => vec!["kube-apiserver", "remote-node"],
            Self::OUTSIDE_APISERVER_V4 => vec!["kube-apiserver", "world-ipv4"],
            Self::OUTSIDE_APISERVER_V6 => vec!["kube-apiserver", "world-ipv6"],
            other => other.reserved_name().into_iter().collect(),
        };
        names.into_iter().map(|name| (format!("reserved:{name}"), "")).collect()
    }
}

/// Where Cilium's numbers of addresses outside begin.
const FIRST_OUTSIDE: u32 = 1 << 24;
/// How many numbers there are for labels of nodes.
const NODES: u32 = 1 << 24;

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_numbers_are_no_label_sets_of_the_cluster() {
        for identity in
            [Identity::OUTSIDE_APISERVER_V4, Identity::OUTSIDE_APISERVER_V6, Identity::FIRST_NODE]
        {
            assert!(!identity.is_cluster(), "{identity:?}");
            // A VNI has 24 bits: another node can never claim such a number.
            assert!(identity.0 >= 1 << 24, "{identity:?}");
        }
        assert!(Identity::FIRST_NODE.is_node() && Identity::node(u32::MAX).is_node());
        assert!(!Identity::OUTSIDE_APISERVER_V6.is_node());
    }

    #[test]
    fn fixed_numbers_have_a_name_and_labels() {
        for fixed in Identity::FIXED {
            let name = fixed.name().expect("a name");
            assert_eq!(Identity::named(name), Some(fixed));
            assert_eq!(fixed.to_string(), name);
            assert!(!fixed.fixed_labels().0.is_empty(), "{name}");
        }
        let outside = Identity::OUTSIDE_APISERVER_V4.fixed_labels();
        assert_eq!(outside.to_string(), "reserved:kube-apiserver,reserved:world-ipv4");
        let node = Identity::KUBE_APISERVER.fixed_labels();
        assert_eq!(node.to_string(), "reserved:kube-apiserver,reserved:remote-node");
        assert!(Identity(300).fixed_labels().0.is_empty());
    }
}
