//! `skep policy`: one file per verb.

mod command;
mod error;
mod fetch;
mod files;
mod list;
mod matrix;
mod source;
mod wait;

pub(crate) use command::{Command, run};
pub(crate) use error::PolicyError;
