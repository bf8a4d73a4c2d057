//! `skep observe`.

mod asked;
mod between;
mod command;
mod compact;
mod counts;
mod dict;
mod expand;
mod fields;
mod filters;
mod flags;
mod follow;
mod merge;
mod moment;
mod party;
mod place;
mod print;
mod raw;
mod replay;
mod resume;
mod span;
mod table;
mod tell;
mod terms;
mod tls;
mod values;
mod whom;

pub(crate) use asked::{FlowArgs, count};
pub(crate) use between::{Between, between, stored};
pub(crate) use command::Args;
pub(crate) use counts::{EdgeCounts, port};
pub(crate) use expand::InvalidTerm;
pub(crate) use party::PartyView;
