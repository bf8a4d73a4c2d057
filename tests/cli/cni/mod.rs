//! `skep-cni` as a runtime calls it, with and without an agent.

mod agent;
mod down;
mod malformed;
mod plugin;
mod results;
