//! `skep relay`.

mod command;
mod roster;
mod tunnel;

pub(crate) use command::Args;
