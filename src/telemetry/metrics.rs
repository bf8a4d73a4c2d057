//! The registry of one process's metrics.

use std::{fmt, sync::Mutex};

use prometheus_client::{collector::Collector, encoding::text::encode, registry::Registry};

/// Metrics named `skep_<folder>_<noun>_<unit>`.
pub struct Metrics {
    registry: Mutex<Registry>,
}

impl Metrics {
    /// Makes an empty registry.
    pub fn new() -> Self {
        Self { registry: Mutex::new(Registry::with_prefix("skep")) }
    }

    /// Makes a registry of somebody else's names.
    pub fn with_prefix(prefix: &str, collector: impl Collector) -> Self {
        let mut registry = Registry::with_prefix(prefix);
        registry.register_collector(Box::new(collector));
        Self { registry: Mutex::new(registry) }
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
        encode(&mut text, &registry).expect("a string takes any text");
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
        assert!(metrics.encode().contains("skep_flows_seen_events_total 3\n"));
    }
}
