//! `skep service`: one file per verb.

mod command;
mod explain;
mod get;
mod list;
mod port;
mod view;
mod words;

pub(crate) use command::{Command, run};
pub(crate) use port::Port;
pub(crate) use words::{family, vip};
