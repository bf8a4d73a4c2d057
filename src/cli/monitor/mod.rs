//! `skep monitor`: what the datapath of one node says, as it says it.

mod command;
mod compact;

pub(crate) use command::Args;
