//! `skep lab`: one file per verb.

mod command;

pub(crate) use command::{Command, run};
