//! A node's power, as its kubelet follows it.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use tracing::{info, warn};

use crate::lab::{
    power::{self, Power},
    state::LabDir,
};

/// How often it is looked at what was asked for.
const LOOK: Duration = Duration::from_millis(100);

/// The power of one node.
#[derive(Debug)]
pub(super) struct Switch {
    dir: LabDir,
    node: String,
    state: watch::Sender<Power>,
}

impl Switch {
    pub(super) fn new(dir: LabDir, node: String) -> Self {
        let now = power::wanted(&dir, &node).unwrap_or_default();
        Self { dir, node, state: watch::Sender::new(now) }
    }

    /// Follows what is asked for, for ever.
    pub(super) async fn follow(&self) {
        loop {
            match power::wanted(&self.dir, &self.node) {
                Ok(wanted) => {
                    let changed = self.state.send_if_modified(|state| {
                        let changed = *state != wanted;
                        *state = wanted;
                        changed
                    });
                    if changed {
                        info!(node = self.node, power = ?wanted, "power");
                        // A node that is off is acknowledged when its tasks have ended.
                        if wanted != Power::Off {
                            self.acknowledge(wanted);
                        }
                    }
                }
                Err(error) => warn!(node = self.node, %error, "power unknown"),
            }
            sleep(LOOK).await;
        }
    }

    /// Says that a state is reached.
    pub(super) fn acknowledge(&self, state: Power) {
        if let Err(error) = power::acknowledge(&self.dir, &self.node, state) {
            warn!(node = self.node, %error, "power not acknowledged");
        }
    }

    /// Waits until the node runs.
    pub(super) async fn running(&self) {
        // The sender lives as long as this does.
        self.state.subscribe().wait_for(|state| *state == Power::On).await.ok();
    }

    /// Waits until the node is off.
    pub(super) async fn off(&self) {
        self.state.subscribe().wait_for(|state| *state == Power::Off).await.ok();
    }
}
