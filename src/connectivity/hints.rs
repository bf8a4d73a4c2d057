//! Hints of endpoint slices: for whom the cluster means an endpoint.

use std::collections::BTreeMap;

use super::services::Purpose;
use crate::model::Family;

/// An endpoint, and for whom it is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The pod behind it.
    pub server: String,
    /// Nodes that it is meant for.
    pub nodes: Vec<String>,
    /// Zones that it is meant for.
    pub zones: Vec<String>,
}

/// What the cluster made of services that are to be kept near.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The zone of each node that is in one.
    pub zones: BTreeMap<String, String>,
    /// For each service and family its endpoints, or why nobody knows for whom they are meant.
    pub endpoints: BTreeMap<(Purpose, Family), Result<Vec<Hint>, String>>,
}

impl Hints {
    /// Returns the servers that clients of a node get, as the API defines it: hints for nodes count when
    /// every endpoint has some and one is for this node, else hints for zones by the same rule, else none.
    pub(super) fn servers(&self, endpoints: &[Hint], node: &str) -> Vec<String> {
        let zone = self.zones.get(node);
        let of_node = |one: &Hint| one.nodes.iter().any(|meant| meant == node);
        let of_zone = |one: &Hint| zone.is_some_and(|zone| one.zones.contains(zone));
        let all_nodes = endpoints.iter().all(|one| !one.nodes.is_empty());
        let all_zones = endpoints.iter().all(|one| !one.zones.is_empty());
        let meant: Vec<&Hint> = if all_nodes && endpoints.iter().any(of_node) {
            endpoints.iter().filter(|one| of_node(one)).collect()
        } else if all_zones && endpoints.iter().any(of_zone) {
            endpoints.iter().filter(|one| of_zone(one)).collect()
        } else {
            endpoints.iter().collect()
        };
        meant.into_iter().map(|one| one.server.clone()).collect()
    }
}

/// Returns hints that a cluster could have made for servers on so many nodes, each in a zone of its own.
#[cfg(test)]
pub(super) fn example(nodes: usize, families: &[Family]) -> Hints {
    let (node, zone) = (|number| format!("node-{number}"), |number| format!("zone-{number}"));
    let hint = |number, purpose| Hint {
        server: format!("server-{number}"),
        nodes: (purpose == Purpose::SameNode).then(|| node(number)).into_iter().collect(),
        zones: vec![zone(number)],
    };
    let hints = |purpose| (1..=nodes).map(|number| hint(number, purpose)).collect();
    let each = [Purpose::SameZone, Purpose::SameNode].into_iter().flat_map(|purpose| {
        families.iter().map(move |family| ((purpose, *family), Ok(hints(purpose))))
    });
    Hints {
        zones: (1..=nodes).map(|number| (node(number), zone(number))).collect(),
        endpoints: each.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(server: &str, nodes: &[&str], zones: &[&str]) -> Hint {
        let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Hint { server: server.to_owned(), nodes: words(nodes), zones: words(zones) }
    }

    #[test]
    fn the_nearest_that_is_meant_counts() {
        let zones = [("n1", "a"), ("n2", "a"), ("n3", "b")];
        let zones = zones.map(|(node, zone)| (node.to_owned(), zone.to_owned())).into();
        let hints = Hints { zones, ..Hints::default() };
        let both = [hint("s1", &["n1"], &["a"]), hint("s3", &["n3"], &["b"])];
        let zones_only =
            [hint("s1", &[], &["a"]), hint("s2", &[], &["a"]), hint("s3", &[], &["b"])];
        let incomplete = [hint("s1", &[], &["a"]), hint("s3", &[], &[])];
        for (endpoints, node, servers) in [
            (&both[..], "n1", &["s1"][..]),
            (&both, "n2", &["s1"]),
            (&both, "n4", &["s1", "s3"]),
            (&zones_only, "n1", &["s1", "s2"]),
            (&zones_only, "n3", &["s3"]),
            (&incomplete, "n1", &["s1", "s3"]),
        ] {
            assert_eq!(hints.servers(endpoints, node), servers, "{node}: {endpoints:?}");
        }
    }
}
