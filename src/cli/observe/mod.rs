//! `skep observe`, and what other commands about flows share with it.
//!
//! - What is asked: `flags` and `terms` are the filter flags, `expand` and `fields` make filters of them;
//!   `filters`, `span` and `asked` are groups of flags.
//! - Who answers: `whom` chooses, `place` connects, `follow` and `resume` go on after a break, `merge` joins
//!   nodes, `heard` follows them for a comparison, `replay` reads files.
//! - What is shown: `print` with `compact`, `dict` and `table`; `report` and `counts` for numbers.

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
mod heard;
mod merge;
mod moment;
mod party;
mod place;
mod print;
mod raw;
mod replay;
mod report;
mod resume;
mod span;
mod table;
mod terms;
mod tls;
mod values;
mod whom;
mod words;

pub(crate) use asked::{FlowArgs, count};
pub(crate) use between::{Between, between, plain_line, stored};
pub(crate) use command::Args;
pub(crate) use counts::{CountList, EdgeCounts, Item, WorkloadCounts, drops, port, seen};
pub(crate) use expand::InvalidTerm;
pub(crate) use heard::{Heard, hear};
pub(crate) use party::PartyView;
