//! The confirmed policies of the host, on disk: whatever is tried next, these come back.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::trial::{HostPolicies, HostPolicy};
use crate::{
    agent::{
        cache::read_or_default,
        policy::{Kind, PolicyObject},
    },
    cni::record::write_atomically,
    kubernetes::Watched,
    policy::{
        parse::{Settings, parse},
        rule::PolicyKind,
    },
};

/// The file.
#[derive(Debug)]
pub(in crate::agent) struct Kept {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    /// Whether the host was isolated without any policy.
    always: bool,
    /// Objects, by the plural of their kind.
    policies: BTreeMap<String, Vec<PolicyObject>>,
}

impl Kept {
    /// Names the file in the agent's own directory.
    pub(in crate::agent) fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join("host-policies.json") }
    }

    /// Returns what was kept; what cannot be read is as good as nothing, which refuses nothing.
    pub(super) fn load(&self, settings: &Settings) -> HostPolicies {
        let Content { always, policies } =
            read_or_default(&self.path, "the file of confirmed host policies");
        let mut by_key = BTreeMap::new();
        for kind in PolicyKind::ALL {
            let (.., plural) = Kind::Policy(kind).resource();
            for object in policies.get(plural).into_iter().flatten() {
                let parsed = parse(&object.document(Kind::Policy(kind)), settings);
                if let Some(policy) = parsed.and_then(|parsed| parsed.policy) {
                    let own = HostPolicy { object: object.clone(), policy };
                    by_key.insert((kind, object.key()), own);
                }
            }
        }
        HostPolicies { by_key, always }
    }

    /// Keeps what was confirmed.
    pub(super) fn save(&self, policies: &HostPolicies) {
        let mut content = Content { always: policies.always, ..Content::default() };
        for ((kind, _), own) in &policies.by_key {
            let (.., plural) = Kind::Policy(*kind).resource();
            content.policies.entry(plural.to_owned()).or_default().push(own.object.clone());
        }
        let written = serde_json::to_vec(&content).map_err(io::Error::other);
        if let Err(error) = written.and_then(|bytes| write_atomically(&self.path, &bytes)) {
            warn!(%error, "the confirmed host policies are not kept");
        }
    }
}
