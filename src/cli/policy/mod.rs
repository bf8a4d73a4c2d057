//! `skep policy`: one file per verb.

mod command;
mod diff;
mod error;
mod explain;
mod fetch;
mod files;
mod lint;
mod list;
mod matrix;
mod port;
mod source;
mod wait;

pub(crate) use command::{Command, run};
pub(crate) use error::PolicyError;
