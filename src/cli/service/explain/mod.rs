//! `skep service explain`.

mod command;
mod view;
mod words;

pub(super) use command::Args;
