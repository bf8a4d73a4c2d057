//! The server on loopback, driven by the clients it is for.

mod clients;
mod harness;
mod kubectl;
mod protocol;
mod scale;
