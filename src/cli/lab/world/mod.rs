//! `skep lab world`: what is outside a lab's cluster.

mod ca;
mod command;
mod dns;
mod serve;

pub(crate) use command::{Command, run};
