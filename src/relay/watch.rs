//! Whether nodes answer, asked even when no client asks.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{
    Relay,
    node::{Roster, each},
};

/// How often nodes are asked; each answer is small.
const PERIOD: Duration = Duration::from_secs(15);

impl Relay {
    /// Keeps the numbers of nodes true until the relay ends.
    pub async fn watch_nodes(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asking = async {
            loop {
                ticks.tick().await;
                let roster = Roster::clone(&self.roster.borrow());
                let answers = each(&roster, async |target| target.status().await).await;
                let connected = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
                self.metrics.nodes(connected, answers.len() - connected);
            }
        };
        self.cancel.run_until_cancelled(asking).await;
    }
}
