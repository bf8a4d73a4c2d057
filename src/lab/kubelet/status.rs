//! Writing statuses: the latest wins, and is tried until the API server has it.
//!
//! Others write statuses too: the node controller says of the pods of a lost node that they are not
//! ready. What is to be written is therefore compared with what the API server has, not with what
//! was written last.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::ResourceExt;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tracing::debug;

use super::{host::Host, pod::Latest};
use crate::lab::cluster::Action;

/// Pause before a write that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes one pod's status.
pub(super) struct StatusWriter {
    latest: watch::Sender<Value>,
    task: JoinHandle<()>,
}

impl StatusWriter {
    /// Starts writing.
    pub(super) fn start(host: &Arc<Host>, pod: Arc<Pod>, seen: Latest) -> Self {
        let (latest, mut news) = watch::channel(Value::Null);
        let client = host.shared.cluster.client().clone();
        let host = Arc::clone(host);
        let task = tokio::spawn(async move {
            let mut last = Written::default();
            while news.changed().await.is_ok() {
                host.power.running().await;
                // What is said of pods before is taken back by the node controller.
                host.trusted().await;
                let status = news.borrow_and_update().clone();
                if last.holds(&status, seen.borrow().as_deref()) {
                    continue;
                }
                let version = loop {
                    match Action::status(pod.as_ref(), &status).run(&client).await {
                        Ok(version) => break version,
                        Err(error) => debug!(pod = pod.name_any(), %error, "status not written"),
                    }
                    sleep(PAUSE).await;
                    // Something newer is about to be written.
                    if news.has_changed().unwrap_or(true) {
                        break None;
                    }
                };
                last = Written { status, version };
            }
        });
        Self { latest, task }
    }

    /// Sets the status to write.
    pub(super) fn set(&self, status: Value) {
        self.latest.send_replace(status);
    }

    /// Writes what is pending, for a bounded time, and ends.
    pub(super) async fn finish(self) {
        drop(self.latest);
        tokio::time::timeout(Duration::from_secs(30), self.task).await.ok();
    }
}

/// What was written last.
#[derive(Debug, Default)]
struct Written {
    status: Value,
    /// The version of the object that has it.
    version: Option<u64>,
}

impl Written {
    /// Tells whether the API server has a status: by what was last seen of the pod, or by the last
    /// write where that is not to be seen yet.
    fn holds(&self, status: &Value, seen: Option<&Pod>) -> bool {
        let version = |pod: &Pod| pod.resource_version().and_then(|text| text.parse().ok());
        match seen {
            Some(pod) if version(pod) >= self.version => shows(pod, status),
            _ => self.status == *status,
        }
    }
}

/// Tells whether a pod has a status already, whatever else its status has.
fn shows(pod: &Pod, status: &Value) -> bool {
    // Read and written again, both have the same form.
    let wanted = serde_json::from_value::<PodStatus>(status.clone());
    let wanted = wanted.ok().and_then(|status| serde_json::to_value(status).ok());
    let present = serde_json::to_value(&pod.status).unwrap_or_default();
    let Some(Value::Object(wanted)) = wanted else { return false };
    wanted.iter().all(|(field, value)| present[field] == *value)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn status(ready: &str) -> Value {
        json!({ "phase": "Running", "hostIP": null, "conditions": [
            { "type": "Ready", "status": ready, "lastProbeTime": null,
              "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] })
    }

    fn pod(version: &str, mut status: Value) -> Pod {
        // The server has more than the kubelet writes.
        status["qosClass"] = json!("BestEffort");
        from_value(json!({ "metadata": { "resourceVersion": version }, "status": status })).unwrap()
    }

    #[test]
    fn a_status_that_somebody_else_changed_is_written_again() {
        let ready = status("True");
        let mut last = Written::default();
        assert!(!last.holds(&ready, Some(&pod("5", json!({})))), "nothing was written");
        assert!(last.holds(&ready, Some(&pod("5", ready.clone()))), "an earlier server's");
        last = Written { status: ready.clone(), version: Some(7) };
        assert!(last.holds(&ready, Some(&pod("5", json!({})))), "not to be seen yet");
        assert!(!last.holds(&status("False"), Some(&pod("5", json!({})))));
        assert!(last.holds(&ready, Some(&pod("7", ready.clone()))));
        assert!(!last.holds(&ready, Some(&pod("9", status("False")))), "the node was lost");
        assert!(last.holds(&ready, None), "the pod has gone");
    }
}
