//! Logs, metrics registry, health.
