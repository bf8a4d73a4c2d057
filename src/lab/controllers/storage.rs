//! Claims of storage: in the lab each is met at once, by a directory of the pod's node.

use serde_json::json;

use super::snapshot::{Snapshot, is_ending};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let pending = snapshot.claims.iter().filter(|claim| {
        let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        phase != Some("Bound") && !is_ending(claim.as_ref())
    });
    pending
        .map(|claim| {
            let spec = claim.spec.clone().unwrap_or_default();
            let capacity = spec.resources.and_then(|resources| resources.requests);
            let status = json!({
                "phase": "Bound", "accessModes": spec.access_modes, "capacity": capacity,
            });
            Action::status(claim.as_ref(), &status)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kube::ResourceExt;
    use serde_json::from_value;

    use super::*;

    #[test]
    fn a_claim_is_met_once() {
        let claim = |phase: &str| {
            let value = json!({ "metadata": { "name": "c" }, "status": { "phase": phase } });
            Arc::new(from_value(value).unwrap())
        };
        let snapshot =
            Snapshot { claims: vec![claim("Pending"), claim("Bound")], ..Snapshot::default() };
        assert_eq!(plan(&snapshot).len(), 1);
        assert_eq!(snapshot.claims[0].name_any(), "c");
    }
}
