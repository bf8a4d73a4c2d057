//! Numbers of nodes: local to this node, remembered across restarts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::NodeId;

/// Which node a number stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownNode {
    id: NodeId,
    // For people who read the file.
    name: String,
}

/// Numbers by the uid of the Node object: a node that comes back under its old name but as
/// another object gets another number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::agent) struct NodeIds {
    last: u32,
    by_uid: BTreeMap<String, KnownNode>,
}

impl NodeIds {
    /// Returns the number of a node, a new one if it has none. Numbers are not given twice.
    pub(in crate::agent) fn assign(&mut self, uid: &str, name: &str) -> NodeId {
        if let Some(known) = self.by_uid.get(uid) {
            return known.id;
        }
        self.last += 1;
        let id = NodeId(self.last);
        self.by_uid.insert(uid.to_owned(), KnownNode { id, name: name.to_owned() });
        id
    }

    /// Forgets all nodes but these, by uid.
    pub(in crate::agent) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.by_uid.retain(|uid, _| keep(uid));
    }
}
