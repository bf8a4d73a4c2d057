//! The server on loopback, driven by the clients it is for.

mod access;
mod clients;
mod commands;
mod evictions;
mod faults;
mod harness;
mod installed;
mod lists;
mod protocol;
mod scale;
