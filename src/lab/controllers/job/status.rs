//! What a job's status says.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{End, View, indexes::show_indexes};
use crate::lab::{
    cluster::Action,
    controllers::owned::{count, is_ready, time},
};

impl View<'_> {
    /// Writes the status, if it is another one than before.
    pub(super) fn status(
        &self,
        active: &[&Pod],
        succeeded: i32,
        failed: i32,
        end: Option<End>,
    ) -> Option<Action> {
        let before = serde_json::to_value(&self.job.status).unwrap_or_default();
        let now = time(self.now);
        let suspended = self.spec.suspend == Some(true);
        let over = end.is_some() || suspended;
        let running = if over { 0 } else { count(active, |_| true) };
        let mut status = json!({
            "active": running, "succeeded": succeeded, "failed": failed,
            "ready": if over { 0 } else { count(active, |pod| is_ready(pod)) },
        });
        if self.is_indexed() {
            status["completedIndexes"] = json!(show_indexes(&self.done()));
        }
        if suspended {
            status["startTime"] = Value::Null;
        } else if before["startTime"].is_null() {
            status["startTime"] = json!(now);
        }
        let condition = |kind: &str, reason: &str, message: &str, holds: bool| {
            json!({ "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason,
                "message": message, "lastProbeTime": now, "lastTransitionTime": now })
        };
        let was_suspended = before["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Suspended" && one["status"] == "True");
        if let Some(End { kind, reason, message }) = end {
            let first = if kind == "Complete" { "SuccessCriteriaMet" } else { "FailureTarget" };
            status["conditions"] = json!([
                condition(first, reason, message, true),
                condition(kind, reason, message, true),
            ]);
            if kind == "Complete" {
                status["completionTime"] = json!(now);
            }
        } else if suspended != was_suspended {
            let (reason, message) = if suspended {
                ("JobSuspended", "Job suspended")
            } else {
                ("JobResumed", "Job resumed")
            };
            status["conditions"] = json!([condition("Suspended", reason, message, suspended)]);
        }
        let same = status.as_object()?.iter().all(|(name, is)| {
            // A count of nothing is not written.
            before[name] == *is || before[name].is_null() && (*is == 0 || *is == "")
        });
        (!same).then(|| Action::status(self.job, &status))
    }
}
