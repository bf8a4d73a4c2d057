//! `skep policy lint`: flags, and a file per output format.

mod command;
mod fixes;
mod github;
mod human;
mod json;
mod junit;
mod sarif;

pub(crate) use command::Args;
