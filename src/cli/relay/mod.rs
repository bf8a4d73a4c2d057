//! `skep relay`.

mod access;
mod certificates;
mod command;
mod nodes;
mod roster;
mod tunnel;

pub(crate) use command::Args;
