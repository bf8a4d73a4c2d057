//! `skep-cni`: what the container runtime runs for each pod.
//!
//! One call: the environment and the configuration on standard input are checked completely, the
//! agent is asked over `cni.sock`, and one JSON document goes to standard output. The pod's network
//! namespace is opened here, in the runtime's view of the file system, and travels to the agent as a
//! descriptor. There is no runtime and no argument parser: the process lives for a millisecond.

mod agent;
mod capability;
mod config;
mod environment;
mod error;
mod input;
mod name;
mod namespace;
mod outcome;
mod previous;
mod run;
mod verb;
mod version;

pub use run::main;
