//! Flows on disk: started, ended, counted and told.

use std::{fmt, future, sync::Arc};

use prometheus_client::{
    encoding::DescriptorEncoder,
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use super::{
    health::component,
    metrics::{put, signed},
    run::Tasks,
    shared::Agent,
};
use crate::{
    api::{Component, Health},
    flows::{HistorySettings, HistoryStats, Observer},
};

/// The directory, in that of the agent's state.
const DIR: &str = "history";

impl Agent {
    /// Returns what of flows is kept on disk, if anything is.
    pub(super) fn history_settings(&self) -> Option<HistorySettings> {
        let budget = self.config.flow_history?;
        Some(HistorySettings { dir: self.config.state_dir.join(DIR), budget: budget.0 })
    }

    fn history(&self) -> Option<HistoryStats> {
        let observer = self.observer.lock().expect("no panic while holding the lock");
        Some(observer.as_ref()?.history()?.stats())
    }

    /// Says how the history is doing, if there is one.
    pub(super) fn history_component(&self) -> Option<Component> {
        let stats = self.history()?;
        let since = stats.since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
        let (bytes, budget) = (stats.bytes >> 20, stats.budget >> 20);
        let message = format!("{bytes} of {budget} MiB{since}");
        Some(if stats.is_failing {
            let message = format!("flows are not kept: see the agent's log; {message}");
            component("flow-history", Health::Degraded, message)
        } else {
            component("flow-history", Health::Ok, message)
        })
    }

    /// Counts what the history does, if there is one.
    pub(super) fn encode_history(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
    ) -> Result<(), fmt::Error> {
        let Some(stats) = self.history() else { return Ok(()) };
        let since = stats.since.map_or(0, jiff::Timestamp::as_second);
        for (name, help, value) in [
            ("history_bytes", "Bytes of flows on disk", signed(stats.bytes)),
            ("history_capacity_bytes", "Bytes of flows that may be on disk", signed(stats.budget)),
            ("history_oldest_seconds", "When the oldest flow on disk was seen, since 1970", since),
        ] {
            put(encoder, (name, help), &ConstGauge::<i64>::new(value))?;
        }
        for (name, help, value) in [
            ("history_flows_written", "Flows written to disk", stats.written),
            ("history_events_lost", "Events whose flows could not be written to disk", stats.lost),
            ("history_flows_damaged", "Flows on disk that readers found damaged", stats.damaged),
        ] {
            put(encoder, (name, help), &ConstCounter::<u64>::new(value))?;
        }
        Ok(())
    }
}

/// Starts to keep flows, if they are to be kept.
pub(super) fn spawn(tasks: &mut Tasks, observer: &Arc<Observer>) {
    let observer = Arc::clone(observer);
    tasks.spawn(async move {
        match observer.history().map(Arc::clone) {
            Some(history) => history.keep(observer).await,
            None => future::pending().await,
        }
        Ok("history of flows")
    });
}

/// Writes what waits before the agent ends.
pub(super) async fn flush(observer: &Arc<Observer>) {
    if let Some(history) = observer.history() {
        Arc::clone(history).flush(Arc::clone(observer)).await;
    }
}
