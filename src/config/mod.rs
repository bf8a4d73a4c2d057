//! Settings with defaults.
