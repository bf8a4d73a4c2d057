//! Filters: what readers ask for, checked once and applied to every flow.

mod matcher;
mod name;
mod selector;
mod side;
mod wire;

pub use matcher::{InvalidFilter, Matcher};
pub use wire::{EventTypeFilter, Filter, WorkloadFilter};
