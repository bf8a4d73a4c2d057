//! `skep lab`: one file per verb.

mod command;
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
mod stand_in;
mod status;
mod up;

pub(crate) use command::{Command, run};
