//! The kernel: load, attach, pin, probe, netlink. The only home of aya loader types and of `unsafe`.
#![allow(unsafe_code, reason = "system calls that no crate wraps are made here and nowhere else")]

mod object;

pub use object::OBJECT;
