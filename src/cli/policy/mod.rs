//! `skep policy`: one file per verb.

mod command;
mod error;
mod fetch;
mod files;
mod matrix;
mod source;

pub(crate) use command::{Command, run};
pub(crate) use error::PolicyError;
