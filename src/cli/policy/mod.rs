//! `skep policy`: one file per verb.

mod command;
mod diff;
mod error;
mod explain;
mod fetch;
mod files;
mod lint;
mod matrix;
mod port;
mod source;

pub(crate) use command::{Command, run};
pub(crate) use error::PolicyError;
