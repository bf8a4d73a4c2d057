//! `skep observe`.

mod between;
mod command;
mod compact;
mod dict;
mod expand;
mod merge;
mod terms;
mod values;

pub(crate) use between::{Between, between, stored};
pub(crate) use command::Args;
pub(crate) use expand::InvalidTerm;
