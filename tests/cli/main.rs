//! The command line as users and scripts meet it: exit codes, both streams, JSON shapes. Needs no
//! root, no cluster and no kernel feature.

mod agent;
mod cni;
mod errors;
mod generated;
mod help;
mod lists;
mod observe;
mod operator;
mod run;
mod status;
mod version;
