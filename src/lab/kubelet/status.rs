//! Writing statuses: the latest wins, and is tried until it is written.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tracing::debug;

use super::host::Host;
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
    pub(super) fn start(host: &Arc<Host>, pod: Arc<Pod>) -> Self {
        let (latest, mut news) = watch::channel(Value::Null);
        let client = host.shared.cluster.client().clone();
        let host = Arc::clone(host);
        let task = tokio::spawn(async move {
            let mut written = Value::Null;
            while news.changed().await.is_ok() {
                host.power.running().await;
                let status = news.borrow_and_update().clone();
                if status == written {
                    continue;
                }
                while let Err(error) = Action::status(pod.as_ref(), &status).run(&client).await {
                    debug!(pod = pod.name_any(), %error, "status not written");
                    sleep(PAUSE).await;
                    // Something newer is about to be written.
                    if news.has_changed().unwrap_or(true) {
                        break;
                    }
                }
                written = status;
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
