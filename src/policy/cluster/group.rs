//! Groups of prefixes that policies call by name or labels (`CiliumCIDRGroup`).

use ipnet::IpNet;

use super::pod::strings;
use crate::{
    model::Labels,
    policy::{rule::LabelKey, text::Node},
};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrGroup {
    /// Its own labels, and the one that says its name.
    pub labels: Labels,
    /// Its prefixes, without host bits.
    pub prefixes: Vec<IpNet>,
}

impl CidrGroup {
    /// Reads a group. What is no prefix is left out: the API server checks it.
    pub(super) fn read(name: &str, root: &Node) -> Self {
        let own = strings(root.at(&["metadata", "labels"]));
        let mut labels: Labels =
            own.into_iter().map(|(key, value)| (format!("cidrgroup:{key}"), value)).collect();
        labels.0.insert(format!("cidrgroup:{}{name}", LabelKey::CIDR_GROUP), String::new());
        let listed = root.at(&["spec", "externalCIDRs"]).map(Node::items).unwrap_or_default();
        let prefixes = listed.iter().filter_map(Node::text).filter_map(|text| text.parse().ok());
        Self { labels, prefixes: prefixes.map(|net: IpNet| net.trunc()).collect() }
    }
}
