//! `skep status`.

mod command;
mod view;

pub(crate) use command::Args;
