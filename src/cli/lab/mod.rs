//! `skep lab`: one file per verb.

mod command;
mod dns;
mod down;
mod enter;
mod exec;
mod kubeconfig;
mod list;
mod logs;
mod name;
mod netem;
mod node;
mod partition;
mod serve;
mod snapshot;
mod stand_in;
mod status;
mod up;
mod world;

pub(crate) use command::{Command, run};
