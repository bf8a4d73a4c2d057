//! The whole product, in labs on this machine.

mod faults;
mod footprint;
mod lab;
mod lifecycle;
mod traffic;
