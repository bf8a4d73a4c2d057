//! The registry of one process's metrics.

use std::{fmt, sync::Mutex};

use prometheus_client::{
    collector::Collector,
    encoding::text::{encode_eof, encode_registry},
    registry::Registry,
};

use super::process::Process;

/// Metrics named `skep_<folder>_<noun>_<unit>`.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// What has no prefix.
    common: Registry,
}

impl Metrics {
    /// Makes a registry that has the process's own metrics only.
    pub fn new() -> Self {
        let mut common = Registry::default();
        common.register_collector(Box::new(Process));
        Self { registry: Mutex::new(Registry::with_prefix("skep")), common }
    }

    /// Makes a registry of somebody else's names.
    pub fn with_prefix(prefix: &str, collector: impl Collector) -> Self {
        let mut registry = Registry::with_prefix(prefix);
        registry.register_collector(Box::new(collector));
        Self { registry: Mutex::new(registry), common: Registry::default() }
    }

    /// Adds what somebody else tells, under the names that are there already.
    pub fn also(&self, collector: impl Collector) {
        let mut registry = self.registry.lock().expect("no panic while holding the lock");
        registry.register_collector(Box::new(collector));
    }

    /// Registers the metrics of one folder; their names get it as prefix.
    pub fn register<T>(&self, folder: &str, register: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().expect("no panic while holding the lock");
        register(registry.sub_registry_with_prefix(folder))
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().expect("no panic while holding the lock");
        encode_registry(&mut text, &registry)
            .and_then(|()| encode_registry(&mut text, &self.common))
            .and_then(|()| encode_eof(&mut text))
            .expect("a string takes any text");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::Metrics;

    #[test]
    fn names_carry_the_folder() {
        let metrics = Metrics::new();
        let counter = metrics.register("flows", |registry| {
            let counter: Counter = Counter::default();
            registry.register("seen_events", "Events seen", counter.clone());
            counter
        });
        counter.inc_by(3);
        let text = metrics.encode();
        assert!(text.contains("skep_flows_seen_events_total 3\n"));
        assert!(text.contains("\nprocess_cpu_seconds_total "), "{text}");
        assert!(text.ends_with("# EOF\n") && text.matches("EOF").count() == 1);
    }
}
