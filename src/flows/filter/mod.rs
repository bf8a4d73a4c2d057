//! Filters: what readers ask for, checked once and applied to every flow.

mod event;
mod expression;
mod invalid;
mod layer7;
mod matcher;
mod name;
mod packet;
mod selector;
mod side;
mod subject;
#[cfg(test)]
mod tests;

pub use invalid::InvalidFilter;
pub use matcher::Matcher;
pub(super) use subject::{End, Subject, Transport};
